"""TIFF and BigTIFF: the first directory, held against what OpenCV and libtiff do with it.

The decoder gets a directory with nothing but the fields that make the pixels: metadata cannot disturb it, and the turn
is left to the one place that makes all turns.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgprep.decoding.alpha import Pixels
from imgprep.decoding.exif import ORIENTATION_TAG
from imgprep.decoding.header import DecodeOptions, Header, Reading, check_frames, check_size
from imgprep.decoding.tiff_directory import Entry, TiffReader
from imgprep.decoding.tiff_raw import BYTES_BACK, CMYK, PALETTE, RGB, TiffLayout, palette_of, plain_planes
from imgprep.errors import ImageError

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_OFFSETS, _SAMPLES, _STRIP_BYTES, _PLANAR, _PREDICTOR, _COLOUR_MAP = 273, 277, 279, 284, 317, 320
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES, _EXTRA, _FORMAT = 322, 323, 324, 325, 338, 339
_FILL_ORDER, _ROWS = 266, 278
_BITS_REVERSED: Final = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
_READ: Final = BYTES_BACK | {2, 3, 4, 7, 32771, 32809}
_OLD_JPEG, _STREAM, _STREAM_BYTES = 6, 513, 514
_NAMES: Final = {
    _OLD_JPEG: "old-style JPEG without its stream",
    9: "JBIG",
    10: "JBIG",
    22610: "JPEG XR",
    32908: "PIXAR film log",
    32909: "PIXAR log",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34661: "JBIG",
    34676: "SGI LogLuv",
    34677: "SGI LogLuv",
    34712: "JPEG 2000",
    34887: "LERC",
    34925: "LZMA",
    34933: "PNG",
    34934: "JPEG XR",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
_KIND, _REDUCED, _SUB_DIRECTORIES, _DNG_VERSION, _CR2 = 254, 1, 330, 50706, b"CR\2"
_GREY, _LAB = {0, 1}, {8, 9, 10}
_ASSOCIATED, _UNASSOCIATED = 1, 2
_SIGNED, _FLOAT = 2, 3
_JPEG: Final = b"\xff\xd8\xff"
_KINDS_OF_ORIENTATION: Final = {3, 4}


class _Directory:
    """The fields of the first directory, with the defaults of the standard."""

    def __init__(self, reader: TiffReader) -> None:
        self.reader = reader
        self.entries, self.following = reader.directory(reader.first())
        self.width, self.height = self.one(_WIDTH, 0), self.one(_HEIGHT, 0)
        self.compression = self.one(_COMPRESSION, 1)
        self.samples, self.photometric = self.one(_SAMPLES, 1), self.one(_PHOTOMETRIC, 1)
        self.depths = self.many(_BITS, (1,)) or (1,)
        self.bits = max(self.depths)
        self.planes = self.samples if self.one(_PLANAR, 1) == 2 else 1
        self.extra = self.many(_EXTRA)
        self.tile = self.one(_TILE_WIDTH, 0) if _TILE_OFFSETS in self.entries else 0

    def one(self, tag: int, default: int) -> int:
        return (self.many(tag) or (default,))[0]

    def many(self, tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        return self.reader.values(self.entries.get(tag), default)

    def needs_arranging(self) -> bool:
        """Whether OpenCV gives no or wrong pixels of such samples."""
        if self.photometric not in {*_GREY, RGB, PALETTE, CMYK}:
            return False
        colours = {RGB: 3, CMYK: 4}.get(self.photometric, 1)
        return (
            self.samples > (4 if colours == 3 else colours)
            or (self.tile > 0 and self.compression == 1)
            or (self.planes > 1 and (self.tile > 0 or self.bits > 8))
            or self.bits not in {1, 8, 16}
            or (self.bits > 8 and self.photometric == CMYK)
        )


def parse_tiff(data: bytes, options: DecodeOptions) -> Header:
    """Reads the first directory of a TIFF and counts the others.

    Raises:
        ImageError: cut, compressed or of samples in a way that is not read, or over a limit.
    """
    reader = TiffReader(data)
    known = _Directory(reader)
    _check_no_raw(known)
    check_size("TIFF", known.width, known.height, options)
    stream = _old_jpeg(known)
    if known.compression not in _READ and stream is None:
        name = _NAMES.get(known.compression, f"method {known.compression}")
        raise ImageError(f"TIFF compressed with {name} is not read")
    _check_samples(known)
    _check_parts(known)
    header = Header(
        known.width,
        known.height,
        orientation=_orientation(known),
        frames=_pages(reader, known.following, options),
        flags=_flags(known.photometric),
        opaque=known.extra[:1] not in {(), (_ASSOCIATED,), (_UNASSOCIATED,)},
    )
    if stream is not None:
        return header._replace(reading="rgb", data=stream)
    return _arranged(known, header) if known.needs_arranging() else _plain(known, header)


def _plain(known: _Directory, header: Header) -> Header:
    """As OpenCV reads it."""
    # Asked for RGB it leaves three samples of 16 bits unset.
    stored = known.photometric in _GREY or (known.photometric == RGB and (known.samples > 3 or known.bits > 8))
    reading: Reading = "unchanged" if stored else "rgb"
    return header._replace(
        reading=reading,
        data=known.reader.rewritten(known.entries, {}),
        # libtiff multiplies 8-bit colours with alpha that is not yet in them.
        premultiplied=known.extra[:1] == (_ASSOCIATED,) or (known.extra[:1] == (_UNASSOCIATED,) and known.bits <= 8),
    )


def _old_jpeg(known: _Directory) -> bytes | None:
    """The JPEG file within a TIFF of the old style, which OpenCV's libtiff does not read."""
    at, length = known.one(_STREAM, 0), known.one(_STREAM_BYTES, 0)
    if known.compression != _OLD_JPEG or known.photometric in _GREY or not known.reader.data.startswith(_JPEG, at):
        return None
    return known.reader.data[at : at + length if length else None]


def _arranged(known: _Directory, header: Header) -> Header:
    """As ``tiff_raw`` arranges it."""
    if known.compression not in BYTES_BACK or len(set(known.depths)) > 1 or known.bits > 16:
        raise ImageError(
            f"TIFF of {known.samples} samples of {known.bits} bits, arranged and compressed like this, is not read"
        )
    colours = {RGB: 3, CMYK: 4}.get(known.photometric, 1)
    if known.samples not in {colours, colours + len(known.extra)}:
        raise ImageError(f"TIFF of {known.samples} samples a pixel does not say what its further channels are")
    alpha = next((i for i, kind in enumerate(known.extra) if kind in {_ASSOCIATED, _UNASSOCIATED}), -1)
    layout = TiffLayout(
        width=known.width,
        height=known.height,
        bits=known.bits,
        samples=known.samples,
        planes=known.planes,
        tile=known.tile,
        differences=known.one(_PREDICTOR, 1) == 2,
        order=known.reader.order,
        photometric=known.photometric,
        alpha=colours + alpha if alpha >= 0 and colours + alpha < known.samples else 0,
        colours=palette_of(known.many(_COLOUR_MAP), known.bits) if known.photometric == PALETTE else None,
    )
    plain = known.compression == 1
    if (layout.tile_bytes % 16 and not plain) or (layout.differences and known.bits not in {8, 16}):
        raise ImageError(f"TIFF of {known.bits} bits in such tiles or differences is not read")
    return header._replace(
        parts=() if plain else _parts(known, layout),
        join=partial(_join_plain, known, layout) if plain else layout.join,
        largest=(1 << known.bits) - 1 if known.bits not in {8, 16} and known.photometric != PALETTE else 0,
        premultiplied=known.extra[alpha : alpha + 1] == (_ASSOCIATED,),
        opaque=False,
        grey=known.photometric in _GREY,
    )


def _join_plain(known: _Directory, layout: TiffLayout, _: Sequence[NDArray[np.integer]]) -> Pixels:
    """An uncompressed image, without any decoder."""
    data = known.reader.data
    if known.one(_FILL_ORDER, 1) == 2:
        data = data.translate(_BITS_REVERSED)
    rows = known.one(_TILE_HEIGHT, 0) if known.tile else min(known.one(_ROWS, known.height), known.height)
    offsets = known.many(_TILE_OFFSETS if known.tile else _STRIP_OFFSETS)
    return layout.join(plain_planes(data, layout, offsets, max(rows, 1)))


def _parts(known: _Directory, layout: TiffLayout) -> tuple[bytes, ...]:
    """A grey TIFF of bytes for each plane."""
    where, length = (_TILE_OFFSETS, _TILE_BYTES) if known.tile else (_STRIP_OFFSETS, _STRIP_BYTES)
    offsets, counts = known.many(where), known.many(length)
    each = len(offsets) // known.planes
    if not each or len(offsets) != each * known.planes or len(counts) not in {0, len(offsets)}:
        raise ImageError("TIFF does not say where all its pixels are")
    changes: dict[int, tuple[int, ...]] = dict.fromkeys((_EXTRA, _FORMAT, _COLOUR_MAP, _PREDICTOR), ())
    changes |= {_WIDTH: (layout.row_bytes,), _BITS: (8,), _PHOTOMETRIC: (1,), _SAMPLES: (1,), _PLANAR: (1,)}
    if known.tile:
        changes[_TILE_WIDTH] = (layout.tile_bytes,)
    return tuple(
        known.reader.rewritten(
            known.entries,
            changes | {where: offsets[start : start + each], length: counts[start : start + each]},
        )
        for start in range(0, len(offsets), each)
    )


def _check_no_raw(known: _Directory) -> None:
    """Refuses raw files of cameras, whose first directory is a preview: decoded it would pass for the photograph."""
    preview = known.one(_KIND, 0) & _REDUCED and _SUB_DIRECTORIES in known.entries
    if preview or _DNG_VERSION in known.entries or known.reader.data.startswith(_CR2, 8):
        raise ImageError("a camera raw file (DNG, NEF, CR2 or the like) is not supported; convert it first")


def _check_samples(known: _Directory) -> None:
    """Refuses samples that have no 1 to 16 bits of intensity in them."""
    if _PHOTOMETRIC not in known.entries:
        raise ImageError("TIFF does not say what its samples mean")
    forms, bits = known.many(_FORMAT, (1,)), known.bits
    if _FLOAT in forms:
        raise ImageError("TIFF with float samples is not read")
    if not 0 < bits <= 16 or not known.samples:
        raise ImageError(f"TIFF with {known.samples} samples of {bits} bits is not read; 1 to 16 bits are")
    if forms and max(forms) > _FLOAT and max(forms) != 4:
        raise ImageError("TIFF with complex samples is not read")
    if _SIGNED in forms and (bits <= 8 or known.needs_arranging()):
        raise ImageError(f"TIFF with signed {bits}-bit samples is not read")
    if known.photometric == PALETTE and len(known.many(_COLOUR_MAP)) < 3 << bits:
        raise ImageError("TIFF has no palette for its samples")


def _check_parts(known: _Directory) -> None:
    """Refuses a file that lacks a part of its pixels."""
    for where, length in ((_STRIP_OFFSETS, _STRIP_BYTES), (_TILE_OFFSETS, _TILE_BYTES)):
        offsets, counts = known.many(where), known.many(length)
        if len(offsets) == len(counts):
            end = max((start + size for start, size in zip(offsets, counts, strict=True)), default=0)
            if end > len(known.reader.data):
                raise ImageError(f"TIFF is cut: its pixels go to byte {end} of {len(known.reader.data)}")


def _orientation(known: _Directory) -> int:
    entry = known.entries.get(ORIENTATION_TAG, Entry(0, 0, 0))
    value = known.one(ORIENTATION_TAG, 1) if entry.kind in _KINDS_OF_ORIENTATION else 1
    return value if 1 <= value <= 8 else 1


def _pages(reader: TiffReader, following: int, options: DecodeOptions) -> int:
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


def _flags(photometric: int) -> tuple[str, ...]:
    if photometric == PALETTE:
        return ("palette",)
    if photometric == CMYK:
        return ("cmyk",)
    return ("cielab",) if photometric in _LAB else ()
