"""TIFF and BigTIFF: the first directory, checked before a decoder sees it.

Samples of grey, RGB, palettes and CMYK are arranged here from the bytes that are stored or that Pillow decompresses;
JPEG, CCITT and luminance with colour differences are decoded by Pillow, CIELAB by OpenCV. Decoders get a directory with
nothing but the fields that make the pixels: metadata cannot disturb them, and the turn is left to the one place that
makes all turns.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL.TiffImagePlugin import TiffImageFile

from imgprep.decoding.alpha import Pixels
from imgprep.decoding.color_profile import FLAG as PROFILED
from imgprep.decoding.color_profile import SrgbConverter
from imgprep.decoding.exif import ORIENTATION_TAG
from imgprep.decoding.format_header import DecodeOptions, Header, check_frames, check_size
from imgprep.decoding.jpeg_decode import check_stream, decode_jpeg
from imgprep.decoding.opencv import decode_with_opencv
from imgprep.decoding.pillow import open_with_pillow, pixels_of
from imgprep.decoding.tiff_directory import Entry, TiffReader
from imgprep.decoding.tiff_fields import (
    ASSOCIATED,
    GREY,
    LAB,
    SIGNED,
    UNASSOCIATED,
    FirstDirectory,
    Tag,
    check_no_raw,
    check_parts,
    check_samples,
)
from imgprep.decoding.tiff_raw import (
    BYTES_BACK,
    CMYK,
    INK,
    PALETTE,
    RGB,
    UNCOMPRESSED,
    TiffLayout,
    palette_of,
    plain_planes,
)
from imgprep.errors import ImageError

_BITS_REVERSED: Final = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
_READ: Final = BYTES_BACK | {2, 3, 4, 7, 32771, 32809}
_OLD_JPEG, _JPEG_STREAMS = 6, 7
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
_JPEG, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_KINDS_OF_ORIENTATION: Final = {3, 4}


def parse_tiff(data: bytes, options: DecodeOptions) -> Header:
    """Reads the first directory of a TIFF and counts the others.

    Raises:
        ImageError: cut, compressed or of samples in a way that is not read, or over a limit.
    """
    reader = TiffReader(data)
    known = FirstDirectory(reader)
    check_no_raw(known)
    check_size("TIFF", known.width, known.height, options)
    stream = _old_jpeg(known)
    if known.compression not in _READ and stream is None:
        name = _NAMES.get(known.compression, f"method {known.compression}")
        raise ImageError(f"TIFF compressed with {name} is not read")
    check_samples(known)
    check_parts(known)
    header = Header(
        known.width,
        known.height,
        orientation=_orientation(known),
        frames=_pages(reader, known.following, options),
        flags=_flags(known.photometric),
        profile=known.raw(Tag.PROFILE),
    )
    if stream is not None:
        return header._replace(unpack=partial(_by_libjpeg, stream, header))
    if known.photometric == CMYK and header.profile and options.color_profile == "srgb":
        header = header._replace(profile=b"", flags=(*header.flags, PROFILED))
        return header._replace(unpack=partial(_managed_ink, known, known.raw(Tag.PROFILE)))
    if known.is_arranged_here():
        return _arranged(known, header)
    header = header._replace(data=known.reader.rewritten(known.entries, {}))
    if known.photometric in LAB:
        # Pillow notices damage, OpenCV knows the colours.
        return header._replace(reading="rgb", unpack=partial(_by_both, header._replace(reading="rgb")))
    return header._replace(unpack=partial(_by_pillow, known, header))


def _managed_ink(known: FirstDirectory, profile: bytes) -> Pixels:
    """CMYK in sRGB by the profile of the file, which has to see the ink itself."""
    if known.is_arranged_here():
        ink = _join(known, replace(_layout(known)[0], photometric=INK, alpha=0))
    else:
        _check_streams(known)
        data = known.reader.rewritten(known.entries, {})
        ink = np.array(open_with_pillow(TiffImageFile, data, "TIFF"))
    return SrgbConverter()(ink, profile)


def _by_libjpeg(stream: bytes, header: Header) -> NDArray[np.uint8]:
    check_stream(stream)
    return decode_jpeg(stream, header)


def _by_both(header: Header) -> NDArray[np.integer]:
    open_with_pillow(TiffImageFile, header.data or b"", "TIFF")
    return decode_with_opencv(b"", header)


def _by_pillow(known: FirstDirectory, header: Header) -> NDArray[np.integer]:
    _check_streams(known)
    return pixels_of(open_with_pillow(TiffImageFile, header.data or b"", "TIFF"))


def _check_streams(known: FirstDirectory) -> None:
    if known.compression == _JPEG_STREAMS:
        for stream in _streams(known):
            check_stream(stream)


def _streams(known: FirstDirectory) -> Iterator[bytes]:
    """Each strip or tile as a JPEG file: libtiff does not tell what libjpeg finds wrong with it."""
    tables = known.raw(Tag.JPEG_TABLES)
    where, length = (Tag.TILE_OFFSETS, Tag.TILE_BYTES) if known.tile else (Tag.STRIP_OFFSETS, Tag.STRIP_BYTES)
    for offset, size in zip(known.many(where), known.many(length), strict=False):
        stream = known.reader.data[offset : offset + size]
        yield tables.removesuffix(_JPEG_END) + stream.removeprefix(_JPEG[:2]) if tables else stream


def _old_jpeg(known: FirstDirectory) -> bytes | None:
    """The JPEG file within a TIFF of the old style, which OpenCV's libtiff does not read."""
    at, length = known.one(Tag.STREAM, 0), known.one(Tag.STREAM_BYTES, 0)
    if known.compression != _OLD_JPEG or known.photometric in GREY or not known.reader.data.startswith(_JPEG, at):
        return None
    return known.reader.data[at : at + length if length else None]


def _arranged(known: FirstDirectory, header: Header) -> Header:
    """As ``tiff_raw`` arranges it."""
    layout, premultiplied = _layout(known)
    return header._replace(
        unpack=partial(_join, known, layout),
        largest=(1 << known.bits) - 1 if known.bits not in {8, 16} and known.photometric != PALETTE else 0,
        premultiplied=premultiplied,
        grey=known.photometric in GREY,
    )


def _layout(known: FirstDirectory) -> tuple[TiffLayout, bool]:
    """Returns the layout of the samples, and whether colours are already multiplied by alpha."""
    if len(set(known.depths)) > 1:
        raise ImageError(
            f"TIFF of {known.samples} samples of {known.bits} bits, arranged and compressed like this, is not read"
        )
    colours, extra = known.colours, known.extra
    if known.photometric == RGB and known.samples == 4 and not extra:
        extra = (UNASSOCIATED,)  # as OpenCV writes them
    if known.samples not in {colours, colours + len(extra)}:
        raise ImageError(f"TIFF of {known.samples} samples a pixel does not say what its further channels are")
    alpha = next((i for i, kind in enumerate(extra) if kind in {ASSOCIATED, UNASSOCIATED}), -1)
    layout = TiffLayout(
        width=known.width,
        height=known.height,
        bits=known.bits,
        samples=known.samples,
        planes=known.planes,
        tile=known.tile,
        differences=known.one(Tag.PREDICTOR, 1) == 2,
        order=known.reader.order,
        signed=SIGNED in known.many(Tag.FORMAT),
        photometric=known.photometric,
        alpha=colours + alpha if alpha >= 0 and colours + alpha < known.samples else 0,
        colours=palette_of(known.many(Tag.COLOUR_MAP), known.bits) if known.photometric == PALETTE else None,
    )
    packed = known.compression != UNCOMPRESSED
    if (layout.tile_bytes % 16 and packed) or (layout.differences and known.bits not in {8, 16}):
        raise ImageError(f"TIFF of {known.bits} bits in such tiles or differences is not read")
    return layout, extra[alpha : alpha + 1] == (ASSOCIATED,)


def _join(known: FirstDirectory, layout: TiffLayout) -> Pixels:
    return layout.join(_plain_planes(known, layout) if known.compression == UNCOMPRESSED else _planes(known, layout))


def _planes(known: FirstDirectory, layout: TiffLayout) -> list[NDArray[np.uint8]]:
    """Of a compressed image, each plane of which Pillow unpacks as a grey one."""
    return [np.asarray(open_with_pillow(TiffImageFile, part, "TIFF")) for part in _parts(known, layout)]


def _plain_planes(known: FirstDirectory, layout: TiffLayout) -> list[NDArray[np.uint8]]:
    """Of an uncompressed image, without any decoder."""
    data = known.reader.data
    if known.one(Tag.FILL_ORDER, 1) == 2:
        data = data.translate(_BITS_REVERSED)
    rows = known.one(Tag.TILE_HEIGHT, 0) if known.tile else min(known.one(Tag.ROWS, known.height), known.height)
    offsets = known.many(Tag.TILE_OFFSETS if known.tile else Tag.STRIP_OFFSETS)
    return plain_planes(data, layout, offsets, max(rows, 1))


def _parts(known: FirstDirectory, layout: TiffLayout) -> tuple[bytes, ...]:
    """A grey TIFF of bytes for each plane."""
    where, length = (Tag.TILE_OFFSETS, Tag.TILE_BYTES) if known.tile else (Tag.STRIP_OFFSETS, Tag.STRIP_BYTES)
    offsets, counts = known.many(where), known.many(length)
    each = len(offsets) // known.planes
    if not each or len(offsets) != each * known.planes or len(counts) not in {0, len(offsets)}:
        raise ImageError("TIFF does not say where all its pixels are")
    changes: dict[int, tuple[int, ...]] = dict.fromkeys((Tag.EXTRA, Tag.FORMAT, Tag.COLOUR_MAP, Tag.PREDICTOR), ())
    changes |= {
        Tag.WIDTH: (layout.row_bytes,),
        Tag.BITS: (8,),
        Tag.PHOTOMETRIC: (1,),
        Tag.SAMPLES: (1,),
        Tag.PLANAR: (1,),
    }
    if known.tile:
        changes[Tag.TILE_WIDTH] = (layout.tile_bytes,)
    return tuple(
        known.reader.rewritten(
            known.entries,
            changes | {where: offsets[start : start + each], length: counts[start : start + each]},
        )
        for start in range(0, len(offsets), each)
    )


def _orientation(known: FirstDirectory) -> int:
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
    return ("cielab",) if photometric in LAB else ()
