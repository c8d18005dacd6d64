"""The parsed header of an image file, and the limits that it is checked against before memory is spent."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from imgprep.decoding.value_range import ValueRange
from imgprep.errors import ImageError

# OpenCV reads its limits when it is imported. Ours is held against the header before OpenCV sees the file.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 40))

# The number at which Pillow speaks of a decompression bomb: twice 1 GiB / 4 / 3 pixels.
MAX_PIXELS: Final = 178_956_970
MAX_SCANS: Final = 100
MAX_FRAMES: Final = 10_000

Reading = Literal["unchanged", "rgb"]
ColorProfile = Literal["ignore", "srgb"]


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """Options for decoding images.

    Attributes:
        background: RGB, 0 to 255 each, that transparent pixels are laid on; None shows the colours that they hide.
        max_pixels: height times width above which a file is refused by its header.
        max_scans: scans of a progressive JPEG above which it is refused.
        max_frames: frames or pages of one file above which it is refused.
        color_profile: ``srgb`` converts the colours of files with an ICC profile, ``ignore`` takes them as stored.
        values: the range of decoded values, and of numbers in arrays, that becomes all levels; None: of their type.
    """

    background: tuple[int, int, int] | None = (255, 255, 255)
    max_pixels: int = MAX_PIXELS
    max_scans: int = MAX_SCANS
    max_frames: int = MAX_FRAMES
    color_profile: ColorProfile = "ignore"
    values: ValueRange | None = None

    def __post_init__(self) -> None:
        if not all(0 <= value <= 255 for value in self.background or ()):
            raise ValueError("background: expected three values from 0 to 255")
        if min(self.max_pixels, self.max_scans, self.max_frames) < 1:
            raise ValueError("limits of decoding must be at least 1")
        if self.color_profile not in get_args(ColorProfile):
            raise ValueError("color_profile: expected ignore or srgb")


class Header(NamedTuple):
    """A parsed header, and what is left to do once the stored samples are decoded.

    Attributes:
        width: of the stored pixels, before any rotation.
        height: of the stored pixels, before any rotation.
        orientation: EXIF orientation that is still to be undone, 1 to 8.
        frames: frames of an animation or pages of a document.
        largest: the sample value that means full intensity where it is neither 255 nor 65535; 0 when nothing is to do.
        flags: what was unusual.
        profile: the embedded ICC profile; empty when there is none.
        key: a colour that is transparent, in decoded values: (grey,) or (R, G, B).
        premultiplied: the colours are already multiplied with alpha.
        opaque: a fourth channel says nothing and is dropped.
        grey: the decoded pixels have three equal channels, of which one is kept.
        reading: how OpenCV is asked: ``unchanged`` gives grey, BGR or BGRA as they are stored, ``rgb`` resolves
            palettes and keeps 16 bits.
        data: the bytes for the decoder when they differ from the file's, else None.
        unpack: decodes the samples where the format has a way of its own; None where OpenCV gets ``data``.
    """

    width: int
    height: int
    orientation: int = 1
    frames: int = 1
    largest: int = 0
    flags: tuple[str, ...] = ()
    profile: bytes = b""
    key: tuple[int, ...] | None = None
    premultiplied: bool = False
    opaque: bool = False
    grey: bool = False
    reading: Reading = "unchanged"
    data: bytes | None = None
    unpack: Callable[[], NDArray[np.integer]] | None = None


def check_size(kind: str, width: int, height: int, options: DecodeOptions) -> None:
    """Refuses impossible and too large images by their declared size.

    Raises:
        ImageError: a side is below 1 or the number of pixels above the limit.
    """
    if width < 1 or height < 1:
        raise ImageError(f"{kind} declares an impossible size of {height}x{width}")
    if width * height > options.max_pixels:
        raise ImageError(
            f"{kind} declares {width * height} pixels ({height}x{width}), over the limit of {options.max_pixels}; "
            "raise convert.max_pixels if it is sound"
        )


def check_frames(kind: str, frames: int, options: DecodeOptions) -> None:
    """Refuses files with too many frames or pages.

    Raises:
        ImageError: more than the limit.
    """
    if frames > options.max_frames:
        raise ImageError(f"{kind} has more than {options.max_frames} frames, the limit")
