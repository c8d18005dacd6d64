"""What a file's header says, and the limits it is held against; shared by the parsers of all formats."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.decoding.alpha import Pixels
from imgprep.errors import ImageError

# The number at which Pillow speaks of a decompression bomb: twice 1 GiB / 4 / 3 pixels.
MAX_PIXELS: Final = 178_956_970
MAX_SCANS: Final = 100
MAX_FRAMES: Final = 10_000

Reading = Literal["unchanged", "rgb"]


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """How images are decoded.

    Attributes:
        background: RGB, 0 to 255 each, that transparent pixels are laid on; None shows the colours that they hide.
        max_pixels: height times width above which a file is refused by its header.
        max_scans: scans of a progressive JPEG above which it is refused.
        max_frames: frames or pages of one file above which it is refused.
    """

    background: tuple[int, int, int] | None = (255, 255, 255)
    max_pixels: int = MAX_PIXELS
    max_scans: int = MAX_SCANS
    max_frames: int = MAX_FRAMES

    def __post_init__(self) -> None:
        if not all(0 <= value <= 255 for value in self.background or ()):
            raise ValueError("background: expected three values from 0 to 255")
        if min(self.max_pixels, self.max_scans, self.max_frames) < 1:
            raise ValueError("limits of decoding must be at least 1")


class Header(NamedTuple):
    """A parsed header, and what is left to do for the decoder.

    Attributes:
        width: of the stored pixels, before any rotation.
        height: of the stored pixels, before any rotation.
        reading: how the decoder is asked: ``unchanged`` gives grey, BGR or BGRA as they are stored, ``rgb`` resolves
            palettes and keeps 16 bits.
        data: the bytes for the decoder when they differ from the file's, else None.
        orientation: EXIF orientation that is still to be undone, 1 to 8.
        frames: frames of an animation or pages of a document.
        largest: the sample value that means full intensity where it is neither 255 nor 65535; 0 when nothing is to do.
        flags: what was unusual.
        key: a colour that is transparent, in the decoder's values: (grey,) or (R, G, B).
        premultiplied: the colours are already multiplied with alpha.
        opaque: a fourth channel of the decoder says nothing and is dropped.
        grey: the decoder gives three equal channels, of which one is kept.
        parts: files for the decoder, each of which gives a part of the samples; empty when none is asked.
        join: makes samples of what the parts gave; None when the decoder gives all of them by itself.
    """

    width: int
    height: int
    reading: Reading = "unchanged"
    data: bytes | None = None
    orientation: int = 1
    frames: int = 1
    largest: int = 0
    flags: tuple[str, ...] = ()
    key: tuple[int, ...] | None = None
    premultiplied: bool = False
    opaque: bool = False
    grey: bool = False
    parts: tuple[bytes, ...] = ()
    join: Callable[[Sequence[NDArray[np.integer]]], Pixels] | None = None


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
