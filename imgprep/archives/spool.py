"""Expands a compressed tar once, into the cache of the user, for all workers and later runs to read anywhere in it.

Gzip can be read from its start only. Reading the members in order in each worker would expand everything once for each
of them and each stage; one expanded copy costs its size on the disk, once. Blocks of zeros take no space there.
"""

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from imgprep.archives.gz import GzipReader
from imgprep.errors import ResourceError, SourceError, check_surroundings, one_line

KEPT: Final = 4
"""Expanded archives that are kept; the one that was used longest ago goes first."""
LARGEST: Final = 1 << 40
"""Bytes that an archive may expand to; `GzipReader` also limits how many times its size that is."""
_BLOCK: Final = 1 << 18
_ZEROS: Final = bytes(_BLOCK)


def expanded(path: Path, stamp: tuple[int, int]) -> Path:
    """The expanded copy of a gzipped file, made where there is none yet.

    Args:
        path: of the file.
        stamp: (size in bytes, modification time in ns) of it: another one has another copy.

    Raises:
        SourceError: it is damaged, or expands to implausibly much.
        ResourceError: there is no place to keep the copy.
    """
    folder = _folder()
    name = hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:32]
    copy = folder / f"{name}-{stamp[0]}-{stamp[1]}.tar"
    try:
        if copy.is_file():
            os.utime(copy)  # the last use
            return copy
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(f"{name}-*"):
            old.unlink(missing_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".tmp-")
        try:
            _expand(path, descriptor)
            Path(temporary).replace(copy)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _forget(folder)
    except OSError as error:
        check_surroundings(error, folder)
        raise ResourceError(
            f"{one_line(path)}: cannot be expanded into {one_line(folder)}: {error.strerror}; set XDG_CACHE_HOME to a "
            "folder with space, or unpack it"
        ) from error
    return copy


def _folder() -> Path:
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "imgprep" / "archives"
    except RuntimeError as error:
        raise ResourceError("no home folder to expand archives into; set XDG_CACHE_HOME") from error


def _expand(path: Path, descriptor: int) -> None:
    with os.fdopen(descriptor, "wb") as target, GzipReader(path, most=LARGEST, several=True) as source:
        block = memoryview(bytearray(_BLOCK))
        while count := source.readinto(block):
            if block[:count] == _ZEROS[:count]:
                target.seek(count, os.SEEK_CUR)
            else:
                target.write(block[:count])
        size = target.tell()
        target.truncate(size)
    if not size:
        raise SourceError(f"{one_line(path)}: nothing in it; copy it again")


def _forget(folder: Path) -> None:
    """Removes the copies that were used longest ago."""
    copies = sorted(folder.glob("*.tar"), key=lambda copy: copy.stat().st_mtime_ns, reverse=True)
    for old in copies[KEPT:]:
        with suppress(OSError):
            old.unlink()
