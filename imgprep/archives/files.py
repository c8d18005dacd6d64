"""Opens files for reading that are tables or the like: plain, gzipped, in an archive, or both."""

import io
import tempfile
from pathlib import Path
from typing import IO, BinaryIO, Final

from imgprep.archives.gz import GzipReader
from imgprep.archives.opening import Inside, inside, open_archive
from imgprep.errors import ImageError, RequestError, ResourceError, SourceError, check_surroundings, one_line
from imgprep.storage.base import MissingError
from imgprep.storage.cache import cached_file
from imgprep.util.addresses import address_of, is_address

_BLOCK: Final = 1 << 18


def on_disk(path: Path) -> Path:
    """The file itself; for the address of one in a store what was fetched of it.

    Raises:
        RequestError: there is no such object.
        ResourceError: it cannot be had.
    """
    address = address_of(path)
    if address is None:
        return path
    try:
        return cached_file(address)[0]
    except MissingError as error:
        raise RequestError(str(error)) from None


def check_regular(path: Path) -> None:
    """Refuses what is no regular file: opening a pipe would block for ever.

    Raises:
        RequestError: there is no such file, or it is something else.
    """
    place = inside(path)
    if place is not None:
        _member(place)
    elif is_address(path):
        on_disk(path)
    elif path.is_dir():
        raise RequestError(f"{one_line(path)}: is a folder, a file is needed; check source.path and source.layout")
    elif not path.is_file():
        raise RequestError(f"{one_line(path)}: no such file; check source.path")


def open_plain(path: Path) -> BinaryIO:
    """Opens a file for reading from start to end, expanded if its name ends in ``.gz``.

    Raises:
        RequestError: there is no such file.
        ResourceError: it may not be read.
    """
    check_regular(path)
    place = inside(path)
    path = path if place is not None else on_disk(path)
    if place is not None:
        content = io.BytesIO(_content(place, path))
        return io.BufferedReader(GzipReader(path, content), _BLOCK) if path.suffix.lower() == ".gz" else content
    try:
        if path.suffix.lower() == ".gz":
            return io.BufferedReader(GzipReader(path), _BLOCK)
        return path.open("rb", buffering=_BLOCK)
    except OSError as error:
        check_surroundings(error, path)
        raise ResourceError(f"{one_line(path)}: cannot be opened: {error.strerror}; give permission") from error


def open_seekable(path: Path) -> IO[bytes]:
    """Opens a file for reading anywhere in it; a ``.gz`` is expanded into an unnamed temporary file.

    Raises:
        RequestError: there is no such file.
        SourceError: the gzip file is damaged.
        ResourceError: no permission, or no space for the temporary file.
    """
    plain = open_plain(path)
    if path.suffix.lower() != ".gz":
        return plain
    with plain:
        try:
            expanded = tempfile.TemporaryFile(prefix="imgprep-")  # noqa: SIM115  (the caller closes it)
            try:
                while block := plain.read(_BLOCK):
                    expanded.write(block)
                expanded.flush()
            except BaseException:
                expanded.close()
                raise
        except OSError as error:
            raise ResourceError(f"{one_line(path)}: cannot be expanded: {error.strerror}; set TMPDIR") from error
    return expanded


def file_stamp(path: Path) -> tuple[int, int]:
    """(size in bytes, modification time in ns) of a file; of one in an archive (size, stamp).

    Raises:
        RequestError: there is no such file.
        SourceError: the archive is damaged or hostile as a whole.
    """
    if (place := inside(path)) is not None and place.name:
        return _member(place)
    try:
        status = on_disk(path).stat()
    except OSError as error:
        check_surroundings(error, path)
        raise RequestError(f"{one_line(path)}: no such file ({error.strerror}); check source.path") from error
    return status.st_size, status.st_mtime_ns


def file_digest(path: Path) -> str:
    """Size and modification time of a file, to notice a change without reading it.

    Raises:
        RequestError: there is no such file.
    """
    size, time = file_stamp(path)
    return f"{size}-{time}"


def _member(place: Inside) -> tuple[int, int]:
    """(size, stamp) of a file in an archive."""
    index = open_archive(place.archive).index
    row = index.row(place.name)
    if row is None or index.kind(row) != "file":
        what = f"no file {one_line(place.name, 120)!r} in the archive" if place.name else "an archive, and no table"
        advice = f"; give the file in it, as {one_line(place.archive.name)}/FILE" if not place.name else ""
        raise RequestError(f"{one_line(place.archive)}: {what}{advice}; check source.path")
    member = index[row]
    return member.size, member.stamp


def _content(place: Inside, path: Path) -> bytes:
    try:
        return open_archive(place.archive).read(place.name)
    except ImageError as error:
        raise SourceError(f"{one_line(path)}: {error}; write the archive anew") from error
