"""The first directory of a TIFF with the defaults of the standard, and what in it is refused."""

from enum import IntEnum
from typing import Final

from imgprep.decoding.tiff_directory import TiffReader
from imgprep.decoding.tiff_raw import BYTES_BACK, CMYK, PALETTE, RGB
from imgprep.errors import ImageError

GREY, LAB, _LUMINANCE = {0, 1}, {8, 9, 10}, 6
_MEANINGS: Final = {*GREY, RGB, PALETTE, CMYK, _LUMINANCE, *LAB}
ASSOCIATED, UNASSOCIATED = 1, 2
SIGNED, _FLOAT = 2, 3
_REDUCED, _CR2 = 1, b"CR\2"


class Tag(IntEnum):
    """The fields that are looked at."""

    KIND = 254
    WIDTH = 256
    HEIGHT = 257
    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    FILL_ORDER = 266
    STRIP_OFFSETS = 273
    SAMPLES = 277
    ROWS = 278
    STRIP_BYTES = 279
    PLANAR = 284
    PREDICTOR = 317
    COLOUR_MAP = 320
    TILE_WIDTH = 322
    TILE_HEIGHT = 323
    TILE_OFFSETS = 324
    TILE_BYTES = 325
    SUB_DIRECTORIES = 330
    EXTRA = 338
    FORMAT = 339
    JPEG_TABLES = 347
    STREAM = 513
    STREAM_BYTES = 514
    PROFILE = 34675
    DNG_VERSION = 50706


class FirstDirectory:
    """The fields of the first directory, with the defaults of the standard."""

    def __init__(self, reader: TiffReader) -> None:
        self.reader = reader
        self.entries, self.following = reader.directory(reader.first())
        self.width, self.height = self.one(Tag.WIDTH, 0), self.one(Tag.HEIGHT, 0)
        self.compression = self.one(Tag.COMPRESSION, 1)
        self.samples, self.photometric = self.one(Tag.SAMPLES, 1), self.one(Tag.PHOTOMETRIC, 1)
        self.depths = self.many(Tag.BITS, (1,)) or (1,)
        self.bits = max(self.depths)
        self.planes = self.samples if self.one(Tag.PLANAR, 1) == 2 else 1
        self.extra = self.many(Tag.EXTRA)
        self.tile = self.one(Tag.TILE_WIDTH, 0) if Tag.TILE_OFFSETS in self.entries else 0

    def one(self, tag: int, default: int) -> int:
        """The first value of a field."""
        return (self.many(tag) or (default,))[0]

    def raw(self, tag: int) -> bytes:
        """The bytes of a field."""
        return self.reader.raw(self.entries.get(tag))

    def many(self, tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """The values of a field."""
        return self.reader.values(self.entries.get(tag), default)

    def is_arranged_here(self) -> bool:
        """Returns whether the samples are arranged here from their bytes."""
        return self.compression in BYTES_BACK and self.photometric in {*GREY, RGB, PALETTE, CMYK}

    @property
    def colours(self) -> int:
        """Samples of a pixel that are colours."""
        return {RGB: 3, CMYK: 4}.get(self.photometric, 1)


def check_no_raw(known: FirstDirectory) -> None:
    """Refuses raw files of cameras, whose first directory is a preview: decoded it would pass for the photograph."""
    preview = known.one(Tag.KIND, 0) & _REDUCED and Tag.SUB_DIRECTORIES in known.entries
    if preview or Tag.DNG_VERSION in known.entries or known.reader.data.startswith(_CR2, 8):
        raise ImageError("a camera raw file (DNG, NEF, CR2 or the like) is not supported; convert it first")


def check_samples(known: FirstDirectory) -> None:
    """Refuses samples that have no 1 to 16 bits of intensity in them."""
    if Tag.PHOTOMETRIC not in known.entries:
        raise ImageError("TIFF does not say what its samples mean")
    forms, bits = known.many(Tag.FORMAT, (1,)), known.bits
    if _FLOAT in forms:
        advice = "save it with 16 bits, or as an array in npz or HDF5 with convert.range"
        raise ImageError(f"TIFF with float samples is not read; {advice}")
    if not 0 < bits <= 16 or not known.samples:
        raise ImageError(f"TIFF with {known.samples} samples of {bits} bits is not read; 1 to 16 bits are")
    if forms and max(forms) > _FLOAT and max(forms) != 4:
        raise ImageError("TIFF with complex samples is not read")
    if SIGNED in forms and not (bits == 16 and known.is_arranged_here()):
        raise ImageError(f"TIFF with signed {bits}-bit samples is not read")
    if known.photometric not in _MEANINGS:
        raise ImageError(f"TIFF whose samples mean {known.photometric} is not read")
    if known.photometric == PALETTE and len(known.many(Tag.COLOUR_MAP)) < 3 << bits:
        raise ImageError("TIFF has no palette for its samples")


def check_parts(known: FirstDirectory) -> None:
    """Refuses a file that lacks a part of its pixels."""
    for where, length in ((Tag.STRIP_OFFSETS, Tag.STRIP_BYTES), (Tag.TILE_OFFSETS, Tag.TILE_BYTES)):
        offsets, counts = known.many(where), known.many(length)
        if len(offsets) == len(counts):
            end = max((start + size for start, size in zip(offsets, counts, strict=True)), default=0)
            if end > len(known.reader.data):
                raise ImageError(f"TIFF is cut: its pixels go to byte {end} of {len(known.reader.data)}")
