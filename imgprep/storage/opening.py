"""Opens the bucket of an address, once in each process."""

import os
from functools import lru_cache

from imgprep.storage.base import MissingError, Storage
from imgprep.storage.forked import ForkedStorage
from imgprep.util.addresses import SCHEMES, Address, check_scheme


def open_storage(address: Address) -> Storage:
    """The bucket of an address.

    Raises:
        RequestError: nobody knows the scheme, or the library for it is not installed.
        ResourceError: it cannot be opened.
    """
    check_scheme(address)
    process = os.getpid()
    return _opened(address._replace(key=""), process, forked=_first_process() != process)


def is_there(address: Address) -> bool:
    """Returns whether there is an object.

    Raises:
        ResourceError: the store fails.
    """
    try:
        open_storage(address).head(address.key)
    except MissingError:
        return False
    return True


@lru_cache(maxsize=1)
def _first_process() -> int:
    """The process that opened a store first: this one, or one that this one was forked from."""
    return os.getpid()


@lru_cache(maxsize=8)
def _opened(bucket: Address, process: int, *, forked: bool) -> Storage:
    del process  # connections do not survive a fork
    if forked and bucket.scheme != "memory":
        return ForkedStorage(bucket)
    if bucket.scheme in SCHEMES:
        from imgprep.storage.objects import ObjectStorage  # noqa: PLC0415 - with its library

        return ObjectStorage(bucket)
    from imgprep.storage.filesystems import FilesystemStorage  # noqa: PLC0415 - with its library

    return FilesystemStorage(bucket)
