"""TIFF and BigTIFF: directories read within the file, and written anew for the decoder with nothing but the pixels."""

import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

from imgprep.errors import ImageError

_TYPES: Final = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_BYTES: Final = frozenset({1, 7})
_MAX_ENTRIES: Final = 4096
_FILL_ORDER, _COLOUR_MAP = 266, 320
# Size, form and place of the pixels, their compression and its tables, colour; no metadata, and no orientation, by
# which libtiff turns some images even when told not to, others never.
_PIXELS: Final = frozenset({
    256, 257, 258, 259, 262, _FILL_ORDER, 273, 277, 278, 279, 284, 292, 293, 317, 318, 319, _COLOUR_MAP, 322, 323, 324,
    325, 332, 338, 339, 347, *range(512, 522), *range(529, 533),
})  # fmt: skip


class Entry(NamedTuple):
    """One field of a directory.

    Attributes:
        kind: of its values, as TIFF numbers them.
        number: of values.
        at: where in the file the values are, or else where they are.
    """

    kind: int
    number: int
    at: int


class TiffReader:
    """Reads directories and their values, always within the file."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.order = "<" if data[:2] == b"II" else ">"
        self.big = data[2:4] in {b"+\0", b"\0+"}
        self._word = self.order + ("Q" if self.big else "I")
        self._width = 8 if self.big else 4

    def first(self) -> int:
        """Returns the position of the first directory."""
        return int(self.unpack(self._word, 8 if self.big else 4)[0])

    def unpack(self, form: str, at: int) -> tuple[int, ...]:
        """Values at a place of the file.

        Raises:
            ImageError: they are not within it.
        """
        try:
            return struct.unpack_from(form, self.data, at)
        except (struct.error, OverflowError):
            raise ImageError("TIFF is cut or points outside itself") from None

    def directory(self, at: int) -> tuple[dict[int, Entry], int]:
        """The entries of a directory, and where the next one is (0: none)."""
        (count,) = self.unpack(self.order + ("Q" if self.big else "H"), at)
        if count > _MAX_ENTRIES:
            raise ImageError(f"TIFF has a directory of {count} entries, over the limit of {_MAX_ENTRIES}")
        at += 8 if self.big else 2
        entries: dict[int, Entry] = {}
        form, step = (self.order + "HHQ", 20) if self.big else (self.order + "HHI", 12)
        for start in range(at, at + count * step, step):
            tag, kind, number = self.unpack(form, start)
            entries.setdefault(tag, Entry(kind, number, start + step - self._width))
        end = at + count * step
        following = self.unpack(self._word, end)[0] if end + self._width <= len(self.data) else 0
        return entries, following

    def values(self, entry: Entry | None, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """The values of a field; the default when it is missing or holds no integers."""
        if entry is None or entry.kind not in _TYPES:
            return default
        form = _TYPES[entry.kind]
        size = entry.number * struct.calcsize("=" + form)
        if size > len(self.data):
            raise ImageError("TIFF is cut or points outside itself")
        at = entry.at if size <= self._width else self.unpack(self._word, entry.at)[0]
        return self.unpack(f"{self.order}{entry.number}{form}", at)

    def raw(self, entry: Entry | None) -> bytes:
        """The bytes of a field of bytes or of no type; empty when it is missing or outside the file."""
        if entry is None or entry.kind not in _BYTES:
            return b""
        at = entry.at if entry.number <= self._width else self.unpack(self._word, entry.at)[0]
        return self.data[at : at + entry.number] if at + entry.number <= len(self.data) else b""

    def rewritten(self, entries: Mapping[int, Entry], changes: Mapping[int, tuple[int, ...]]) -> bytes:
        """The file with one directory, behind its end, that has only the fields which make the pixels.

        Args:
            entries: the directory that is kept, metadata and orientation left out.
            changes: fields set to other values; to none: left out.
        """
        fields = {
            tag: (entry.kind, entry.number, self.data[entry.at : entry.at + self._width])
            for tag, entry in entries.items()
            if tag in _PIXELS
        }
        end = len(self.data) + len(self.data) % 2
        moved = b""
        for tag, numbers in changes.items():
            fields.pop(tag, None)
            if numbers:
                kind = 16 if self.big else 4
                packed = self._packed(numbers)
                if len(packed) > self._width:
                    packed, moved = struct.pack(self._word, end + len(moved)), moved + packed
                fields[tag] = (kind, len(numbers), packed)
        form, count = (self.order + "HHQ", "Q") if self.big else (self.order + "HHI", "H")
        directory = struct.pack(self.order + count, len(fields)) + b"".join(
            struct.pack(form, tag, kind, number) + value for tag, (kind, number, value) in sorted(fields.items())
        )
        head = 8 if self.big else 4
        return b"".join((
            self.data[:head],
            struct.pack(self._word, end + len(moved)),
            self.data[head + self._width :],
            bytes(len(self.data) % 2),
            moved,
            directory,
            bytes(self._width),
        ))  # fmt: skip

    def _packed(self, numbers: tuple[int, ...]) -> bytes:
        try:
            return struct.pack(f"{self.order}{len(numbers)}{'Q' if self.big else 'I'}", *numbers)
        except struct.error:
            raise ImageError("TIFF has its pixels where no file can have them") from None
