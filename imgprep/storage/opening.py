"""Opens the bucket of an address, once in each process."""

import os
from functools import lru_cache

from imgprep.storage.base import MissingError, Storage
from imgprep.util.addresses import SCHEMES, Address, check_scheme


def open_storage(address: Address) -> Storage:
    """The bucket of an address.

    Raises:
        RequestError: nobody knows the scheme, or the library for it is not installed.
        ResourceError: it cannot be opened.
    """
    check_scheme(address)
    return _opened(address._replace(key=""), os.getpid())


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


@lru_cache(maxsize=8)
def _opened(bucket: Address, process: int) -> Storage:
    del process  # connections and threads do not survive a fork
    if bucket.scheme in SCHEMES:
        from imgprep.storage.objects import ObjectStorage  # noqa: PLC0415 - with its library

        return ObjectStorage(bucket)
    from imgprep.storage.filesystems import FilesystemStorage  # noqa: PLC0415 - with its library

    return FilesystemStorage(bucket)
