"""TIFF and BigTIFF: the first directory, held against what OpenCV and libtiff do with it.

libtiff turns some images by their orientation even when told not to, others never; so the tag is set to upright in
the decoder's copy and the turn is left to the one place that makes all turns.
"""

import struct
from typing import Final, NamedTuple

from imgprep.decoding.exif import ORIENTATION_TAG
from imgprep.decoding.header import DecodeOptions, Header, Reading, check_frames, check_size
from imgprep.errors import ImageError

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_OFFSETS, _SAMPLES, _STRIP_BYTES, _PLANAR = 273, 277, 279, 284
_TILE_OFFSETS, _TILE_BYTES, _EXTRA, _FORMAT = 324, 325, 338, 339
_TYPES: Final = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_UNSUPPORTED: Final = {
    34661: "JBIG",
    34676: "SGI LogLuv",
    34677: "SGI LogLuv",
    34712: "JPEG 2000",
    34887: "LERC",
    34925: "LZMA",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
}
_MAX_ENTRIES: Final = 4096
_GREY, _PALETTE, _CMYK, _LAB = {0, 1}, 3, 5, {8, 9, 10}
_ASSOCIATED, _UNASSOCIATED = 1, 2
_SIGNED, _FLOAT = 2, 3


class _Entry(NamedTuple):
    kind: int
    number: int
    at: int


class _Reader:
    """Reads directories and their values, always within the file."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.order = "<" if data[:2] == b"II" else ">"
        self.big = data[2:4] in {b"+\0", b"\0+"}
        self._word = self.order + ("Q" if self.big else "I")
        self._width = 8 if self.big else 4

    def first(self) -> int:
        return int(self.unpack(self._word, 8 if self.big else 4)[0])

    def unpack(self, form: str, at: int) -> tuple[int, ...]:
        try:
            return struct.unpack_from(form, self.data, at)
        except struct.error:
            raise ImageError("TIFF is cut or points outside itself") from None

    def directory(self, at: int) -> tuple[dict[int, _Entry], int]:
        """The entries of a directory, and where the next one is (0: none)."""
        (count,) = self.unpack(self.order + ("Q" if self.big else "H"), at)
        if count > _MAX_ENTRIES:
            raise ImageError(f"TIFF has a directory of {count} entries, over the limit of {_MAX_ENTRIES}")
        at += 8 if self.big else 2
        entries: dict[int, _Entry] = {}
        form, step = (self.order + "HHQ", 20) if self.big else (self.order + "HHI", 12)
        for start in range(at, at + count * step, step):
            tag, kind, number = self.unpack(form, start)
            entries.setdefault(tag, _Entry(kind, number, start + step - self._width))
        end = at + count * step
        following = self.unpack(self._word, end)[0] if end + self._width <= len(self.data) else 0
        return entries, following

    def values(self, entry: _Entry | None, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        if entry is None or entry.kind not in _TYPES:
            return default
        form = _TYPES[entry.kind]
        size = entry.number * struct.calcsize("=" + form)
        if size > len(self.data):
            raise ImageError("TIFF is cut or points outside itself")
        at = entry.at if size <= self._width else self.unpack(self._word, entry.at)[0]
        return self.unpack(f"{self.order}{entry.number}{form}", at)


def parse_tiff(data: bytes, options: DecodeOptions) -> Header:
    """Reads the first directory of a TIFF and counts the others.

    Raises:
        ImageError: cut, samples that are not read (float, 32 bits), or over a limit.
    """
    reader = _Reader(data)
    entries, following = reader.directory(reader.first())

    def one(tag: int, default: int) -> int:
        return (reader.values(entries.get(tag)) or (default,))[0]

    width, height = one(_WIDTH, 0), one(_HEIGHT, 0)
    check_size("TIFF", width, height, options)
    if (compression := one(_COMPRESSION, 1)) in _UNSUPPORTED:
        raise ImageError(f"TIFF compressed with {_UNSUPPORTED[compression]} is not read")
    _check_samples(reader, entries)
    _check_parts(reader, entries)
    bits = max(reader.values(entries.get(_BITS), (1,)) or (1,))
    samples, photometric = one(_SAMPLES, 1), one(_PHOTOMETRIC, 1)
    extra = reader.values(entries.get(_EXTRA))
    orientation, upright = _orientation(reader, entries)
    reading: Reading = "rgb"
    if bits > 8 and samples > 1 and one(_PLANAR, 1) == 2:
        # OpenCV takes separate planes of 16 bits for interleaved samples; its way to 8 bits is right.
        reading = "rgb8"
    elif (photometric in _GREY or photometric == _PALETTE) and samples > 1:
        raise ImageError("TIFF of grey or palette with further channels is not read")
    elif photometric in _GREY or (photometric == 2 and samples > 3):
        reading = "unchanged"
    return Header(
        width,
        height,
        reading,
        data=upright,
        orientation=orientation,
        frames=_pages(reader, following, options),
        flags=_flags(photometric, reading),
        # libtiff multiplies 8-bit colours with alpha that is not yet in them.
        premultiplied=extra[:1] == (_ASSOCIATED,) or (extra[:1] == (_UNASSOCIATED,) and bits <= 8),
        opaque=extra[:1] not in {(), (_ASSOCIATED,), (_UNASSOCIATED,)},
    )


def _check_samples(reader: _Reader, entries: dict[int, _Entry]) -> None:
    """Refuses samples that have no 8 or 16 bits of intensity in them."""
    bits = reader.values(entries.get(_BITS), (1,))
    forms = reader.values(entries.get(_FORMAT), (1,))
    if _FLOAT in forms:
        raise ImageError("TIFF with float samples is not read")
    if max(bits, default=1) > 16:
        raise ImageError(f"TIFF with {max(bits)} bits a sample is not read; 1 to 16 are")
    if forms and max(forms) > _FLOAT and max(forms) != 4:
        raise ImageError("TIFF with complex samples is not read")
    if _SIGNED in forms and max(bits, default=1) <= 8:
        raise ImageError("TIFF with signed 8-bit samples is not read")


def _check_parts(reader: _Reader, entries: dict[int, _Entry]) -> None:
    """Refuses a file that lacks a part of its pixels."""
    for where, length in ((_STRIP_OFFSETS, _STRIP_BYTES), (_TILE_OFFSETS, _TILE_BYTES)):
        offsets, counts = reader.values(entries.get(where)), reader.values(entries.get(length))
        if len(offsets) == len(counts):
            end = max((start + size for start, size in zip(offsets, counts, strict=True)), default=0)
            if end > len(reader.data):
                raise ImageError(f"TIFF is cut: its pixels go to byte {end} of {len(reader.data)}")


def _orientation(reader: _Reader, entries: dict[int, _Entry]) -> tuple[int, bytes | None]:
    """The orientation, and a copy of the file without it when it is not upright."""
    entry = entries.get(ORIENTATION_TAG)
    value = (reader.values(entry) or (1,))[0] if entry is not None else 1
    if entry is None or value == 1 or entry.kind not in {3, 4}:
        return 1, None
    plain = struct.pack(reader.order + _TYPES[entry.kind], 1)
    data = reader.data
    return value if 1 <= value <= 8 else 1, data[: entry.at] + plain + data[entry.at + len(plain) :]


def _pages(reader: _Reader, following: int, options: DecodeOptions) -> int:
    """Counts the directories; a chain that returns to itself or leaves the file just ends."""
    seen: set[int] = {reader.first()}
    pages = 1
    while following and following not in seen and following < len(reader.data):
        seen.add(following)
        pages += 1
        check_frames("TIFF", pages, options)
        try:
            _, following = reader.directory(following)
        except ImageError:
            break
    return pages


def _flags(photometric: int, reading: Reading) -> tuple[str, ...]:
    flags = ("16-bit", "reduced-to-8-bit") if reading == "rgb8" else ()
    if photometric == _PALETTE:
        return (*flags, "palette")
    if photometric == _CMYK:
        return (*flags, "cmyk")
    return (*flags, "cielab") if photometric in _LAB else flags
