"""Zip files: the central directory, and members that are stored or deflated."""

import os
import stat
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from imgprep.archives.base import Archive, Bytes, RandomAccess
from imgprep.archives.index import MAX_MEMBERS, Kind, Member, safe_name
from imgprep.arrays.files import is_bomb
from imgprep.errors import ImageError, SourceError, one_line

_END: Final = struct.Struct("<4s4H2LH")
_LOCATOR: Final = struct.Struct("<4sLQL")
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_CENTRAL: Final = struct.Struct("<4s4B4H3L5H2L")
_LOCAL: Final = struct.Struct("<4s2B4HL2L2H")
_BLOCK: Final = 1 << 20
_STORED, _DEFLATED = 0, 8
_METHODS: Final = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz", 98: "PPMd", 99: "AES encryption"}
_UNIX, _MACOS = 3, 19
_UTF_8, _ENCRYPTED, _MASKED = 0x800, 0x1, 0x2040
_FULL: Final = 0xFFFFFFFF
_EXTRA_64, _EXTRA_NAME = 0x0001, 0x7075
_LARGEST: Final = 1 << 61
_MAX_TARGET: Final = 4096
_DOS_FOLDER: Final = 0x10


class _Directory(NamedTuple):
    """The place of the central directory, and how many bytes come before the zip file in the file."""

    offset: int
    size: int
    entries: int
    before: int


class Zip(Archive):
    """A zip file: of one part, stored or deflated, with Zip64 or without.

    Args:
        path: of the archive.
        file: its bytes, where it is not on disk.
    """

    def __init__(self, path: Path, file: Bytes | None = None) -> None:
        super().__init__(path, RandomAccess(path) if file is None else file)

    def _members(self) -> Iterator[Member]:
        directory = self._directory()
        extents = np.empty((directory.entries, 2), np.int64)
        left, place = directory.size, directory.offset
        buffer, start = b"", 0
        for number in range(directory.entries):
            if len(buffer) - start < _CENTRAL.size + 3 * 0xFFFF and left:
                more = self._file.read(place, min(_BLOCK, left))
                buffer, start, place, left = buffer[start:] + more, 0, place + len(more), left - len(more)
            if len(buffer) - start < _CENTRAL.size or buffer[start : start + 4] != b"PK\1\2":
                raise self._refused("its table of contents is damaged; copy it again")
            fields = _CENTRAL.unpack_from(buffer, start)
            lengths = fields[12:15]
            start += _CENTRAL.size
            variable = buffer[start : start + sum(lengths)]
            start += sum(lengths)
            if len(variable) < sum(lengths):
                raise self._refused("its table of contents is cut short; copy it again")
            entry = _Entry.of(fields, variable)
            extents[number] = entry.offset, _LOCAL.size + lengths[0] + entry.stored
            if (member := self._member(entry, directory.before)).name:
                yield member
        if left or len(buffer) > start:
            raise self._refused("its table of contents is longer than it says; it may be hostile")
        extents = extents[np.argsort(extents[:, 0], kind="stable")]
        ends = np.append(extents[1:, 0], directory.offset - directory.before)
        if np.any(extents[:, 0] + extents[:, 1] > ends):
            raise self._refused("members overlap; it is damaged or hostile")

    def _directory(self) -> _Directory:
        """Finds the central directory by the record at the end of the file."""
        size = self._file.size
        tail = self._file.read(max(0, size - _END.size - 0xFFFF), _END.size + 0xFFFF)
        found = tail.rfind(b"PK\5\6")
        if found < 0 or len(tail) - found < _END.size:
            raise self._refused("no zip file, or one that is cut short; copy it again")
        _, disk, first_disk, _, entries, length, offset, _ = _END.unpack_from(tail, found)
        end = size - len(tail) + found
        locator = self._file.read(end - _LOCATOR.size, _LOCATOR.size) if end >= _LOCATOR.size else b""
        if locator[:4] == b"PK\6\7":
            place = end - _LOCATOR.size - _END_64.size
            record = self._file.read(place, _END_64.size) if place >= 0 else b""
            if record[:4] != b"PK\6\6":
                raise self._refused("its Zip64 record is not where it should be; copy it again")
            _, _, _, _, disk, first_disk, _, entries, length, offset = _END_64.unpack(record)
            end = place
        before = end - length - offset
        if disk or first_disk:
            raise self._refused("a zip file of several parts; join them with zip -s 0, or unpack it")
        if before < 0 or entries > MAX_MEMBERS or length < entries * _CENTRAL.size:
            raise self._refused(f"says that it has {entries:,} members, which it cannot have; copy it again")
        return _Directory(end - length, length, entries, before)

    def _member(self, entry: "_Entry", before: int) -> Member:
        name, reason = safe_name(entry.name.replace("\\", "/"))
        if reason:
            return Member(name, "misnamed", reason=reason)
        kind, target, offset = entry.kind, "", entry.offset + before
        reason = entry.objection(kind)
        if kind == "link" and not reason:
            target = self._target(entry, offset)
            reason = "" if target else "link that cannot be read"
        return Member(name, kind, offset, entry.stored, entry.size, entry.stamp, entry.method, target, reason)

    def _target(self, entry: "_Entry", offset: int) -> str:
        if not 0 < entry.size <= _MAX_TARGET:
            return ""
        try:
            return os.fsdecode(self._expanded(offset, entry.stored, entry.size, entry.method, entry.stamp & _FULL))
        except ImageError:
            return ""

    def _content(self, member: Member) -> bytes:
        return self._expanded(member.offset, member.stored, member.size, member.method, member.stamp & _FULL)

    def _expanded(self, offset: int, stored: int, size: int, method: int, checksum: int) -> bytes:
        """The content of a member, which must have the size and the CRC-32 that the table of contents says."""
        usual = _LOCAL.size + 512
        data = self._file.read(offset, usual + stored)
        if len(data) < _LOCAL.size or data[:4] != b"PK\3\4":
            raise ImageError("damaged in the archive: no header where it should be")
        *_, name_length, extra_length = _LOCAL.unpack_from(data)
        start = _LOCAL.size + name_length + extra_length
        if len(data) < start + stored:
            data = self._file.read(offset, start + stored)
        data = data[start : start + stored]
        if method == _DEFLATED:
            data = _inflated(data, size)
        if len(data) != size:
            raise ImageError(f"damaged in the archive: {len(data)} bytes instead of {size}")
        if zlib.crc32(data) != checksum:
            raise ImageError("damaged in the archive: its CRC differs")
        return data

    def _refused(self, what: str) -> SourceError:
        return SourceError(f"{one_line(self.path)}: {what}")


def _inflated(data: bytes, size: int) -> bytes:
    inflate = zlib.decompressobj(-15)
    try:
        found = inflate.decompress(data, size + 1)
    except zlib.error as error:
        raise ImageError(f"damaged in the archive: {one_line(error, 80)}") from None
    if len(found) > size:
        raise ImageError(f"damaged in the archive: more than the {size} bytes that it says")
    return found


class _Entry(NamedTuple):
    """An entry of the central directory."""

    name: str
    system: int
    flags: int
    method: int
    stamp: int
    stored: int
    size: int
    attributes: int
    offset: int

    @classmethod
    def of(cls, fields: tuple[int, ...], variable: bytes) -> "_Entry":
        _, _, system, _, _, flags, method, time, date, crc, stored, size, name_length, extra_length, _ = fields[:15]
        attributes, offset = fields[17:]
        raw, extra = variable[:name_length], variable[name_length : name_length + extra_length]
        parts = _extra(extra) if extra else {}
        wide = parts.get(_EXTRA_64, b"")
        values = [size, stored, offset]
        if wide:
            for number, value in enumerate(values):  # only those that do not fit in 32 bits are there
                if value == _FULL and len(wide) >= 8:
                    values[number], wide = min(int.from_bytes(wide[:8], "little"), _LARGEST), wide[8:]
        size, stored, offset = values
        name = _decoded(raw, parts.get(_EXTRA_NAME, b""), system, flags)
        # As content differs, so does the CRC; the date is in it for people who look for what changed.
        stamp = (date << 16 | time) << 32 & (1 << 63) - 1 | crc
        return cls(name, system, flags, method, stamp, stored, size, attributes, offset)

    @property
    def kind(self) -> Kind:
        mode = self.attributes >> 16 if self.system in {_UNIX, _MACOS} else 0
        if self.name.endswith(("/", "\\")) or stat.S_ISDIR(mode) or (not mode and self.attributes & _DOS_FOLDER):
            return "folder"
        if stat.S_ISLNK(mode):
            return "link"
        return "file" if not stat.S_IFMT(mode) or stat.S_ISREG(mode) else "other"

    def objection(self, kind: Kind) -> str:
        """Why the member, of this kind, cannot be used; '' when it can."""
        if kind == "folder":
            return ""
        if kind == "other":
            return "not a regular file: device, pipe or socket"
        if self.flags & (_ENCRYPTED | _MASKED):
            return "encrypted"
        if self.method not in {_STORED, _DEFLATED}:
            method = _METHODS.get(self.method, f"method {self.method}")
            return f"compressed with {method}, which is not read; zip it anew with Deflate"
        if is_bomb(self.size, self.stored) or (self.method == _STORED and self.size != self.stored):
            return f"says that it has {self.size} bytes, of which {self.stored} are stored"
        return ""


def _extra(data: bytes) -> dict[int, bytes]:
    """The extra fields of an entry, by their number."""
    parts: dict[int, bytes] = {}
    while len(data) >= 4:
        number, length = struct.unpack_from("<HH", data)
        parts.setdefault(number, data[4 : 4 + length])
        data = data[4 + length :]
    return parts


def _decoded(raw: bytes, unicode: bytes, system: int, flags: int) -> str:
    """The name of a member: UTF-8 where the zip says so or was made where it is usual, else that of MS-DOS."""
    if len(unicode) > 5 and int.from_bytes(unicode[1:5], "little") == zlib.crc32(raw):
        raw, flags = unicode[5:], flags | _UTF_8
    if flags & _UTF_8 or system in {_UNIX, _MACOS}:
        return raw.decode("utf-8", "surrogateescape")
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError:
        return raw.decode("cp437")
