"""Whole files to a store and from it, their content compared with its hash afterwards."""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

from imgprep.errors import ResourceError, check_surroundings, one_line
from imgprep.storage.base import Entry, MissingError, RangelessError, Storage
from imgprep.util.addresses import Address

BLOCK: Final = 8 << 20
"""Bytes that are read at once, and the size of the parts of a large upload."""
_LARGEST_WHOLE: Final = 1 << 30
"""Bytes of a file that is held in memory where a server gives whole files only."""
_UPLOADS: Final = 3
_AT_ONCE: Final = 8

T = TypeVar("T")


def download(storage: Storage, address: Address, target: Path, sha256: str = "") -> tuple[str, str]:
    """Fetches an object into a file, which has its name when it is complete and not before.

    The file's time of change stands for the version of the object: it is the same on all machines.

    Args:
        storage: that has it.
        address: of the object.
        target: the file; its folder is made.
        sha256: that the content must have, in hexadecimal; '' for any.

    Returns:
        The version of the object, and its SHA-256.

    Raises:
        MissingError: there is no such object.
        ResourceError: the store fails, the content is another, or the file cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".tmp-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                entry, found = _copy(storage, address, file)
            _check(address, found, sha256)
            os.utime(temporary, ns=(time.time_ns(), moment(entry)))
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        check_surroundings(error, target)
        raise ResourceError(f"{one_line(target)}: cannot be written: {error.strerror}; set IMGPREP_CACHE") from error
    return entry.version, found


def moment(entry: Entry) -> int:
    """A time of long ago, in ns, for a version of an object; in whole us, as most file systems keep them."""
    digest = hashlib.blake2b(entry.version.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % 10**15 * 1000


def at_once(function: Callable[[T], None], items: Iterable[T]) -> None:
    """Calls a function for several items at a time; the first failure ends it when what has begun is done."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - few outputs lie in a store

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        waiting = [pool.submit(function, item) for item in items]
        try:
            for done in waiting:
                done.result()
        finally:
            for each in waiting:
                each.cancel()


def _check(address: Address, found: str, sha256: str) -> None:
    if sha256 and found != sha256:
        raise ResourceError(
            f"{one_line(address)}: is damaged: its SHA-256 is not that of dataset.json; run imgprep repair SPEC"
        )


def _copy(storage: Storage, address: Address, file: BinaryIO | None) -> tuple[Entry, str]:
    """Reads an object that does not change meanwhile, into a file where there is one; gives its SHA-256 too."""
    entry, state = storage.head(address.key), hashlib.sha256()
    for block in _blocks(storage, address.key, entry):
        state.update(block)
        if file is not None:
            file.write(block)
    if entry.size > BLOCK and storage.head(address.key) != entry:
        raise ResourceError(f"{one_line(address)}: changed while it was read; run again")
    return entry, state.hexdigest()


def _blocks(storage: Storage, key: str, entry: Entry) -> Iterator[bytes]:
    """The content in blocks; as a whole where the server does not give parts of a file."""
    for start in range(0, entry.size, BLOCK):
        try:
            yield storage.read(key, start, min(start + BLOCK, entry.size))
        except RangelessError:
            if start or entry.size > _LARGEST_WHOLE:
                raise
            yield storage.get(key, entry.size)[0]
            return


def upload(storage: Storage, address: Address, path: Path) -> tuple[str, str]:
    """Sends a file and makes sure that it arrived: by the ETag where that is a hash, else by reading the object.

    Returns:
        The version of the object, and the SHA-256 of the file.

    Raises:
        ResourceError: the store fails, or has something else again and again.
    """
    for _ in range(_UPLOADS):
        version = storage.upload(address.key, os.fspath(path))
        sha256, tags = _hashes(path)
        if version in tags:
            return version, sha256
        try:
            entry, found = _copy(storage, address, None)
        except MissingError:
            continue
        if found == sha256:
            return entry.version, sha256
    raise ResourceError(f"{one_line(address)}: does not arrive as it was sent, {_UPLOADS} times; check the connection")


def _hashes(path: Path) -> tuple[str, set[str]]:
    """SHA-256 of a file, and the ETags that S3 gives it: MD5 of the whole, or of the MD5 of the parts."""
    sha256, whole, parts = hashlib.sha256(), hashlib.md5(usedforsecurity=False), list[bytes]()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            sha256.update(block)
            whole.update(block)
            parts.append(hashlib.md5(block, usedforsecurity=False).digest())
    joint = hashlib.md5(b"".join(parts), usedforsecurity=False).hexdigest()
    return sha256.hexdigest(), {whole.hexdigest(), f"{joint}-{len(parts)}"}
