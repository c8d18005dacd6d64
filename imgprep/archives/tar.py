"""Tar files: ustar, pax and GNU headers; and those that gzip compressed."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from imgprep.archives.base import Archive, RandomAccess
from imgprep.archives.index import Kind, Member, safe_name
from imgprep.arrays.progress_hook import step
from imgprep.errors import ImageError, SourceError, one_line

_BLOCK: Final = 512
_MAX_TEXT: Final = 1 << 16
"""Bytes in a header about the next member; more than a path and a link have."""
_TRAILER: Final = 1 << 16
"""Bytes after the end that are looked at."""
_ZEROS: Final = bytes(_BLOCK)
_KINDS: Final[dict[bytes, Kind]] = {
    b"0": "file", b"\0": "file", b"7": "file", b"1": "hard link", b"2": "link", b"5": "folder",
}  # fmt: skip
_NO_CONTENT: Final = b"123456"
_OTHERS: Final = {
    b"3": "not a regular file: device", b"4": "not a regular file: device", b"6": "not a regular file: named pipe",
    b"S": "a sparse file, which is not read from an archive",
}  # fmt: skip


class _Texts(NamedTuple):
    """Statements of extended headers about the next member: '' and None where there is none."""

    name: str = ""
    target: str = ""
    size: int | None = None
    sparse: bool = False

    def over(self, other: "_Texts") -> "_Texts":
        """These texts, and those of the other where these say nothing."""
        size = other.size if self.size is None else self.size
        return _Texts(self.name or other.name, self.target or other.target, size, self.sparse or other.sparse)


class Tar(Archive):
    """A tar file.

    Args:
        path: of the archive.
        expanded: the file to read, where the archive is a compressed one.
        time: of the archive, in ns; the stamp of its members, as tar has no checksum of their content.
    """

    def __init__(self, path: Path, expanded: Path, time: int) -> None:
        self._time: Final = time
        super().__init__(path, RandomAccess(expanded))

    def _members(self) -> Iterator[Member]:
        place, about, always = 0, _Texts(), _Texts()
        while block := self._block(place):
            header = _Header.of(block, self.path)
            content, size = self._content_of(block, place), header.size
            if header.type in b"LKxXg":
                text = self._text(content, size)
                found = _gnu(header.type, text) if header.type in b"LK" else self._pax(text)
                about, always = (about, found.over(always)) if header.type == b"g" else (found.over(about), always)
                place = content + _padded(size)
                step()
                continue
            about = about.over(always)
            size = size if about.size is None else about.size
            stored = 0 if header.type in _NO_CONTENT else size
            place = content + _padded(stored)
            if content + stored > self._file.size:
                raise self._refused("is cut short; copy it again")
            name = about.name or header.name
            if member := self._member(header, name, about, (content, stored)):
                yield member
            about = _Texts()

    def _member(self, header: "_Header", raw: str, about: _Texts, extent: tuple[int, int]) -> Member | None:
        name, reason = safe_name(raw)
        kind = _KINDS.get(header.type, "other")
        if kind == "file" and raw.endswith("/"):
            kind = "folder"  # as before POSIX
        if not name:
            return None  # the root itself
        if reason:
            return Member(name, "misnamed", reason=reason)
        if kind == "other" or about.sparse:
            reason = _OTHERS.get(b"S" if about.sparse else header.type, f"of the unknown type {header.type!r}")
        offset, size = extent
        size = size if kind == "file" else 0
        target = (about.target or header.target) if kind in {"link", "hard link"} else ""
        return Member(name, kind, offset, size, size, self._time, 0, target, reason)

    def _content(self, member: Member) -> bytes:
        data = self._file.read(member.offset, member.size)
        if len(data) != member.size:
            raise ImageError("the archive is shorter than it was; run again")
        return data

    def _block(self, place: int) -> bytes:
        """The header at a place; b"" for the end mark."""
        block = self._file.read(place, _BLOCK)
        if len(block) < _BLOCK:
            raise self._refused("is cut short: its end mark is missing; copy it again")
        if block != _ZEROS:
            return block
        if self._file.read(place, _TRAILER).strip(b"\0"):
            raise self._refused("goes on after its end; if several were joined, unpack them into one folder")
        return b""

    def _content_of(self, block: bytes, place: int) -> int:
        """The place of the content of a member: after its header, and after the list of holes of a sparse file."""
        place += _BLOCK
        more = block[156:157] == b"S" and block[482]
        while more:
            block, place = self._file.read(place, _BLOCK), place + _BLOCK
            more = len(block) == _BLOCK and block[504]
            step()
        return place

    def _text(self, place: int, size: int) -> bytes:
        if size > _MAX_TEXT:
            raise self._refused(f"a header of {size:,} bytes; it is damaged or hostile")
        text = self._file.read(place, size)
        if len(text) < size:
            raise self._refused("is cut short; copy it again")
        return text

    def _pax(self, text: bytes) -> _Texts:
        r"""Reads ``LENGTH KEY=VALUE\n``, as often as it is there."""
        values: dict[bytes, bytes] = {}
        while text.strip(b"\0"):
            digits, _, rest = text.partition(b" ")
            length = int(digits) if digits.isdigit() and len(digits) < 10 else 0
            record = rest[: length - len(digits) - 1]
            key, equals, value = record.partition(b"=")
            if not equals or not value.endswith(b"\n") or length > len(text):
                raise self._refused("a pax header that is damaged; copy it again")
            values[key] = value[:-1]
            text = text[length:]
        size = values.get(b"size", b"")
        if size and not (size.isdigit() and len(size) < 19):
            raise self._refused("a pax header with a size that is no number; copy it again")
        name, target = (os.fsdecode(values.get(key, b"")) for key in (b"path", b"linkpath"))
        sparse = any(key.startswith(b"GNU.sparse.") for key in values)
        return _Texts(name, target, int(size) if size else None, sparse)

    def _refused(self, what: str) -> SourceError:
        return SourceError(f"{one_line(self.path)}: {what}")


def _gnu(kind: bytes, text: bytes) -> _Texts:
    value = os.fsdecode(text.partition(b"\0")[0])
    return _Texts(name=value) if kind == b"L" else _Texts(target=value)


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


class _Header(NamedTuple):
    """A header of 512 bytes."""

    name: str
    size: int
    type: bytes
    target: str

    @classmethod
    def of(cls, block: bytes, path: Path) -> "_Header":
        checksum = _number(block[148:156])
        plain = sum(block) - sum(block[148:156]) + 8 * 32
        size = _number(block[124:136])
        if checksum != plain or size is None:
            raise SourceError(f"{one_line(path)}: no tar file, or a damaged one: a header is wrong; copy it again")
        name, target = _string(block[:100]), _string(block[157:257])
        if block[257:263] == b"ustar\0" and (prefix := _string(block[345:500])):
            name = f"{prefix}/{name}"
        return cls(name, size, block[156:157], target)


def _string(field: bytes) -> str:
    return os.fsdecode(field.partition(b"\0")[0])


def _number(field: bytes) -> int | None:
    """A number in octal, or in binary where the first bit is set; None when it is none."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.partition(b"\0")[0].strip()
    return int(digits or b"0", 8) if all(digit in b"01234567" for digit in digits) else None
