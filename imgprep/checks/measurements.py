"""Evidence of many images: one fixed-size record for each, in memory or in a file that is read column by column."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from imgprep.similarity.phash import WAVES
from imgprep.similarity.variants import SIDE
from imgprep.table.column_file import ColumnFile

FLAGS: Final = (
    "16-bit",
    "alpha",
    "animated",
    "cmyk",
    "exif-rotated",
    "grey",
    "palette",
    "trailing-bytes",
    "wrong-extension",
    "icc-profile",
)
"""The flags that rules know, in the order of their bits; others share the last bit."""
OTHER_FLAG: Final = 31
BORDER: Final = 36
DESCRIPTOR: Final = 440

ROW: Final = np.dtype(
    [
        ("valid", "<u4"),
        ("height", "<u4"),
        ("width", "<u4"),
        ("flags", "<u4"),
        ("factor", "<u4"),
        ("data", "<u8", (2,)),
        ("pixels", "<u8", (2,)),
        ("hash", "<u8"),
        ("waves", "i1", (WAVES,)),
        ("mean", "<f4"),
        ("low", "<f4"),
        ("high", "<f4"),
        ("spread", "<f4"),
        ("constant", "<f4"),
        ("blur", "<f4"),
        ("hue", "<f4"),
        ("hue_share", "<f4"),
        ("colorful", "<f4"),
        ("x", "<f4"),
        ("y", "<f4"),
        ("scale", "<f4"),
        ("touch", "<f4"),
        ("border", "<f4", (BORDER,)),
        ("small", "u1", (SIDE, SIDE)),
    ]
)
"""One image.

valid: 1, or 0 for an image that was not measured. height, width: pixels. flags: bits in the order of `FLAGS`.
factor: by which the decoder reduced the image before it was measured; 1 for the whole image.
data: 128 bits of the digest of the source bytes. pixels: 128 bits of the digest of shape, dtype and pixels; of an image
that came reduced only of what was measured, until `imgprep.checks.pixel_doubts` asks for more. hash: perceptual hash.
waves: what the hash is made from, see `imgprep.similarity.phash.waves_of`.
mean, low, high, spread: mean, 1st and 99th percentile, standard deviation of the luminance, 0 to 1.
constant: 1 when all pixels are equal. blur: variance of the Laplacian at the working size, in squared 8-bit levels.
hue: dominant hue of the foreground in degrees, -1 for none (greyscale); hue_share: its share of the foreground;
colorful: mean saturation, 0 to 1. x, y, scale: centre and size of what stands out from the border, as fractions of the
image; touch: the part of the edge at which it stands out. border: colour and texture statistics of a ring along the
border. small: the luminance, 32x32 pixels.
"""
FULL_ROW: Final = np.dtype([*((name, ROW[name]) for name in ROW.names or ()), ("descriptor", "<f2", (DESCRIPTOR,))])
"""`ROW` and a descriptor of shape and colour for the suspects of ``label-errors``."""


@dataclass(frozen=True, slots=True, eq=False)
class Measurements:
    """The measurements of many images.

    Attributes:
        rows: (N,) structured, of dtype `ROW` or `FULL_ROW`.
    """

    rows: NDArray[np.void] | ColumnFile

    @classmethod
    def of(cls, records: Iterable[bytes], *, descriptor: bool = False) -> Self:
        """Joins the records that `imgprep.checks.measure.Meter` makes; b'' is an image that was not measured."""
        dtype = FULL_ROW if descriptor else ROW
        empty = bytes(dtype.itemsize)
        return cls(np.frombuffer(b"".join(record or empty for record in records), dtype))

    @classmethod
    def joined(cls, parts: Iterable["Measurements"]) -> Self:
        """One after the other."""
        rows = [part.rows for part in parts]
        files = [part for part in rows if isinstance(part, ColumnFile)]
        if files and len(files) == len(rows):
            return cls(ColumnFile.joined(files))
        arrays = [part.records() if isinstance(part, ColumnFile) else part for part in rows]
        return cls(np.concatenate(arrays) if arrays else np.zeros(0, ROW))

    def records(self) -> NDArray[np.void]:
        """(N,) all of it, in memory."""
        return self.rows.records() if isinstance(self.rows, ColumnFile) else self.rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, column: str) -> NDArray[Any]:
        return self.rows[column]

    def at(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> "Measurements":
        """The measurements of some rows."""
        return Measurements(self.rows[np.flatnonzero(rows) if rows.dtype == np.bool_ else rows.astype(np.intp)])

    def replaced(self, column: str, rows: NDArray[np.integer], values: NDArray[Any]) -> "Measurements":
        """The measurements with other values of a column in these rows; of a file that holds them, in place."""
        if isinstance(self.rows, ColumnFile):
            changed = self.rows[column]
            changed[rows] = values
            self.rows.write_column(column, changed)
            return self
        copy = self.rows.copy()
        copy[column][rows] = values
        return Measurements(copy)

    @property
    def valid(self) -> NDArray[np.bool_]:
        """(N,) which rows were measured."""
        return self["valid"] == 1  # type: ignore[no-any-return]

    def numbers(self, column: str) -> NDArray[np.float64]:
        """(N,) or (N, D) float64: a column to calculate with."""
        return self[column].astype(np.float64)

    def flagged(self, flag: str) -> NDArray[np.bool_]:
        """(N,) which images have a flag."""
        return (self["flags"] >> flag_bit(flag)) & 1 == 1  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, eq=False)
class SmallImages:
    """The column ``small``, read some rows at a time."""

    measurements: Measurements

    def __len__(self) -> int:
        return len(self.measurements)

    def __getitem__(self, rows: NDArray[np.intp]) -> NDArray[np.uint8]:
        small: NDArray[np.uint8] = self.measurements.at(rows)["small"]
        return small


def contents_of(measurements: Measurements) -> list[bytes]:
    """For each image what it shares only with those that have the same bytes and size; b'' for one not measured."""
    height, width = (measurements[name].astype("<u8")[:, None] for name in ("height", "width"))
    keys = np.concatenate([measurements["data"], height, width], axis=1)
    return [key.tobytes() if valid else b"" for key, valid in zip(keys, measurements.valid.tolist(), strict=True)]


def flag_bit(flag: str) -> int:
    """The number of the bit of a flag."""
    return FLAGS.index(flag) if flag in FLAGS else OTHER_FLAG
