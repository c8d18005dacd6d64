"""Which paths lead into an archive, and the archives that this process has open."""

import re
import stat
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from imgprep.archives.base import Archive
from imgprep.archives.spool import expanded
from imgprep.archives.tar import Tar
from imgprep.archives.zip import Zip
from imgprep.arrays.files import is_hollow
from imgprep.errors import RequestError, SourceError, check_surroundings, one_line

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
    """The place in an archive that a path names, as ``images.zip/train``; None for a path of the file system."""
    if not _NAMED.search(str(path)):  # asked for each image: nothing is looked up on disk
        return None
    for outer in (path, *path.parents):
        if is_archive_name(outer.name) and outer.is_file():
            return Inside(outer, "/".join(path.parts[len(outer.parts) :]))
    return None


def open_archive(path: Path) -> Archive:
    """Opens an archive; it stays open in this process, for the next one who asks, while it does not change.

    Raises:
        RequestError: there is no such file.
        SourceError: it is damaged or hostile as a whole.
        ResourceError: it cannot be read.
    """
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


@lru_cache(maxsize=4)
def _opened(path: Path, stamp: tuple[int, int]) -> Archive:
    name = path.name.lower()
    if name.endswith(".zip"):
        return Zip(path)
    compressed = name.endswith((".gz", ".tgz"))
    return Tar(path, expanded(path, stamp) if compressed else path, stamp[1])
