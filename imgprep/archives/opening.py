"""Which paths lead into an archive, and the archives that this process has open."""

import re
import stat
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from imgprep.archives.base import Archive
from imgprep.archives.spool import expanded
from imgprep.archives.stored import StoredAccess, stored_file
from imgprep.archives.tar import Tar
from imgprep.archives.zip import Zip
from imgprep.arrays.files import is_hollow
from imgprep.errors import RequestError, ResourceError, SourceError, TransientError, check_surroundings, one_line
from imgprep.storage.base import Entry, RangelessError
from imgprep.storage.cache import cached_file
from imgprep.util.addresses import Address, address_of

SUFFIXES: Final = (".zip", ".tar", ".tar.gz", ".tgz")
_NAMED: Final = re.compile(r"\.(?:zip|tar|tgz)", re.IGNORECASE)


class Inside(NamedTuple):
    """A place in an archive.

    Attributes:
        archive: the path of the archive.
        name: the path in it, with ``/``; '' for all of it.
    """

    archive: Path
    name: str


def is_archive_name(name: str) -> bool:
    """Returns whether a file of this name is an archive that is read.

    >>> is_archive_name("Images.ZIP"), is_archive_name("images.tar.gz"), is_archive_name("table.csv.gz")
    (True, True, False)
    """
    return name.lower().endswith(SUFFIXES)


def inside(path: Path) -> Inside | None:
    """The place in an archive that a path names, as ``images.zip/train``; None for one that leads into none.

    Raises:
        ResourceError: the store fails that the path is an address of.
    """
    if not _NAMED.search(str(path)):  # asked for each image: nothing is looked up on disk
        return None
    for outer in (path, *path.parents):
        if is_archive_name(outer.name) and _is_file(outer):
            return Inside(outer, "/".join(path.parts[len(outer.parts) :]))
    return None


def _is_file(path: Path) -> bool:
    address = address_of(path)
    return path.is_file() if address is None else stored_file(address) is not None


def open_archive(path: Path) -> Archive:
    """Opens an archive; it stays open in this process, for the next one who asks, while it does not change.

    One in a store is read there, if it is a zip; a tar, which has no table of contents, is fetched into the cache.

    Raises:
        RequestError: there is no such file.
        SourceError: it is damaged or hostile as a whole.
        ResourceError: it cannot be read.
    """
    address = address_of(path)
    if address is not None:
        return _in_store(address)
    try:
        status = path.stat()
    except OSError as error:
        check_surroundings(error, path)
        raise RequestError(f"{one_line(path)}: no such file ({error.strerror}); check source.path") from error
    if not stat.S_ISREG(status.st_mode):
        raise RequestError(f"{one_line(path)}: is no regular file; check source.path")
    if is_hollow(status):
        raise SourceError(f"{one_line(path)}: is almost nothing but a hole of {status.st_size:,} bytes")
    return _opened(path, (status.st_size, status.st_mtime_ns))


def _in_store(address: Address) -> Archive:
    entry = stored_file(address)
    if entry is None:
        raise RequestError(f"{one_line(address)}: there is no such object; check source.path")
    return _opened_there(address, entry)


@lru_cache(maxsize=4)
def _opened_there(address: Address, entry: Entry) -> Archive:
    try:
        if _is_zip(address.key):
            return Zip(address.path, StoredAccess(address, entry.size))
    except RangelessError:
        pass
    except SourceError as error:
        if isinstance(error.__cause__, TransientError):
            raise ResourceError(str(error.__cause__)) from None  # the store fails, and the archive may be sound
        raise
    return open_archive(cached_file(address)[0])


@lru_cache(maxsize=4)
def _opened(path: Path, stamp: tuple[int, int]) -> Archive:
    if _is_zip(path.name):
        return Zip(path)
    compressed = path.name.lower().endswith((".gz", ".tgz"))
    return Tar(path, expanded(path, stamp) if compressed else path, stamp[1])


def _is_zip(name: str) -> bool:
    return name.lower().endswith(".zip")
