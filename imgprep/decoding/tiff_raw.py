"""Arranges the samples of a TIFF from its bytes: grey, RGB, palettes and CMYK of 1 to 16 bits, with further channels.

That goes for all compressions that give bytes back as they were, in strips and tiles, in one plane or several. Decoders
differ there, or reduce 16 bits to 8.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from imgprep.decoding.alpha import Pixels
from imgprep.errors import ImageError

MIN_IS_WHITE, RGB, PALETTE, CMYK = 0, 2, 3, 5
INK: Final = -5
"""No number of TIFF's: CMYK that stays so."""
UNCOMPRESSED: Final = 1
BYTES_BACK: Final = frozenset({UNCOMPRESSED, 5, 8, 32773, 32946})
"""Uncompressed, LZW, deflate by both of its numbers, PackBits."""


@dataclass(frozen=True, slots=True)
class TiffLayout:
    """The layout of samples in the unpacked bytes.

    Attributes:
        width: of the image.
        height: of the image.
        bits: of each sample, 1 to 16.
        samples: of each pixel, in all planes.
        planes: 1 when the samples of a pixel lie together, else as many as samples.
        tile: columns of a tile; 0 for strips.
        differences: samples are differences from their left neighbours (predictor 2).
        order: of the bytes of 16 bits, ``<`` or ``>``.
        signed: 16 bits are signed numbers.
        photometric: what samples mean, as TIFF numbers it.
        alpha: the number of the sample that is alpha; 0 when there is none.
        colours: (3, N) of 8 bits, the palette.
    """

    width: int
    height: int
    bits: int
    samples: int
    planes: int
    tile: int
    differences: bool
    order: str
    signed: bool
    photometric: int
    alpha: int
    colours: NDArray[np.uint8] | None = None

    @property
    def columns(self) -> int:
        """Columns that are stored: whole tiles."""
        return -(-self.width // self.tile) * self.tile if self.tile else self.width

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of one plane, all tiles side by side."""
        return (self.columns * self._together * self.bits + 7) // 8

    @property
    def tile_bytes(self) -> int:
        """Bytes of a row of one tile; 0 for strips."""
        return self.tile * self._together * self.bits // 8

    @property
    def _together(self) -> int:
        return self.samples // self.planes

    def join(self, planes: Sequence[NDArray[np.integer]]) -> Pixels:
        """Arranges the bytes of all planes.

        Args:
            planes: (H, row_bytes) uint8 each.

        Returns:
            (H, W, 1), (H, W, 3) or, with alpha or of ink, (H, W, 4) uint8 or uint16; a palette in its
            colours, CMYK as RGB.

        Raises:
            ImageError: signed samples below zero.
        """
        parts = [self._samples(np.ascontiguousarray(plane.astype(np.uint8, copy=False))) for plane in planes]
        stored = cast("Pixels", np.concatenate(parts, axis=2) if len(parts) > 1 else parts[0])
        if self.signed and int(stored.max()) > np.iinfo(np.int16).max:
            raise ImageError("signed samples below zero are not read")
        top = (1 << self.bits) - 1
        colours: NDArray[np.integer]
        if self.photometric == PALETTE and self.colours is not None:
            index = np.minimum(stored[:, :, 0], self.colours.shape[1] - 1)
            colours = np.moveaxis(self.colours[:, index], 0, 2)
        elif self.photometric == CMYK:
            ink = top - stored[:, :, :4].astype(np.uint32)
            colours = ((ink[:, :, :3] * ink[:, :, 3:] + top // 2) // top).astype(stored.dtype)
        elif self.photometric == MIN_IS_WHITE:
            colours = (top - stored[:, :, :1]).astype(stored.dtype)
        else:
            colours = stored[:, :, : {RGB: 3, INK: 4}.get(self.photometric, 1)]
        if not self.alpha:
            return cast("Pixels", colours)
        colours = colours.repeat(3, axis=2) if colours.shape[2] == 1 else colours
        return cast("Pixels", np.concatenate([colours, stored[:, :, self.alpha, None]], axis=2))

    def _samples(self, plane: NDArray[np.uint8]) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """(H, W, samples that lie together) of one plane."""
        values: Pixels
        if self.bits in {8, 16}:
            values = plane.view(f"{self.order}u{self.bits // 8}").reshape(self.height, -1, self.tile or self.columns,
                                                                          self._together)  # fmt: skip
            if self.differences:
                values = np.cumsum(values, axis=2, dtype=np.dtype(f"u{self.bits // 8}"))
            values = values.astype(np.dtype(f"u{self.bits // 8}"), copy=False)
        else:
            values = _unpacked(plane, self.bits)[:, : self.columns * self._together]
        return values.reshape(self.height, self.columns, self._together)[:, : self.width]


def plain_planes(data: bytes, layout: TiffLayout, offsets: Sequence[int], rows: int) -> list[NDArray[np.uint8]]:
    """The planes of an uncompressed image, for ``TiffLayout.join``.

    Args:
        data: the file.
        layout: of its samples.
        offsets: where the strips or tiles of all planes begin, plane by plane.
        rows: of a strip or tile.

    Raises:
        ImageError: a part of the pixels is missing.
    """
    width = layout.tile_bytes or layout.row_bytes
    across, down = layout.row_bytes // width, -(-layout.height // rows)
    if len(offsets) != layout.planes * across * down:
        raise ImageError("TIFF does not say where all its pixels are")
    planes = np.empty((layout.planes, down, rows, across, width), np.uint8)
    for index, offset in enumerate(offsets):
        plane, part = divmod(index, across * down)
        there = rows if layout.tile else min(rows, layout.height - part * rows)
        end = offset + there * width
        if end > len(data):
            raise ImageError(f"TIFF is cut: its pixels go to byte {end} of {len(data)}")
        block = np.frombuffer(data, np.uint8, there * width, offset).reshape(there, width)
        planes[plane, part // across, :there, part % across] = block
    return list(planes.reshape(layout.planes, down * rows, layout.row_bytes)[:, : layout.height])


def _unpacked(rows: NDArray[np.uint8], bits: int) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Samples of other than whole bytes, the highest bit first."""
    dtype = np.dtype(np.uint8 if bits < 8 else np.uint16)
    out = np.empty((len(rows), rows.shape[1] * 8 // bits), dtype)
    weights = (1 << np.arange(bits)[::-1]).astype(dtype)
    for row, packed in zip(out, rows, strict=True):
        row[:] = np.unpackbits(packed)[: len(row) * bits].reshape(-1, bits) @ weights
    return cast("NDArray[np.uint8] | NDArray[np.uint16]", out)


def palette_of(values: Sequence[int], bits: int) -> NDArray[np.uint8]:
    """The colours of a palette in 8 bits; one whose values are all below 256 is in 8 bits already, as libtiff has it.

    Raises:
        ImageError: it has fewer colours than the samples have values.
    """
    if len(values) < 3 << bits:
        raise ImageError(f"TIFF has a palette of {len(values)} values, {3 << bits} are needed")
    colours = np.array(values[: 3 << bits], np.uint32).reshape(3, -1)
    return (colours >> 8 if colours.max() > 255 else colours).astype(np.uint8)
