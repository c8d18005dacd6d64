"""Resizing by Pillow, for the pixels that torchvision and Hugging Face processors give their networks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from imgprep.transforms.base import Image, with_channels

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

PILLOW: Final[Mapping[str, str]] = {
    "pillow-bilinear": "BILINEAR",
    "pillow-bicubic": "BICUBIC",
    "pillow-lanczos": "LANCZOS",
}
"""The filters of Pillow by their names in the spec."""


def resize_by_pillow(image: Image, size: tuple[int, int], interpolation: str) -> Image:
    """Resizes to (height, width) by ``PIL.Image.Image.resize``, which widens its filter when shrinking (no aliasing).

    Args:
        image: (H, W, 1) or (H, W, 3). With 8 bits it is an image of mode L or RGB. Pillow has no RGB of 16 bits, and
            its filters clip wrongly in mode I;16; so each channel of 16 bits is one of mode F, whose values are rounded
            and clipped to 0..65535.
        size: height and width, at least 1.
        interpolation: a key of `PILLOW`.

    Returns:
        (height, width, C) of the same dtype.
    """
    resample = PILLOW[interpolation]
    if image.dtype == np.uint8:
        stored = image[..., 0] if image.shape[2] == 1 else image
        return with_channels(np.array(_resized(stored, size, resample)), image)
    planes = [_resized(image[..., channel].astype(np.float32), size, resample) for channel in range(image.shape[2])]
    levels: NDArray[np.float32] = np.stack([np.asarray(plane) for plane in planes], axis=-1)
    return np.clip(np.rint(levels), 0, 65535).astype(np.uint16)


def _resized(pixels: NDArray[np.generic], size: tuple[int, int], resample: str) -> "PilImage":
    from PIL import Image as pillow  # noqa: PLC0415, N813 - few specs want it

    return pillow.fromarray(np.ascontiguousarray(pixels)).resize((size[1], size[0]), pillow.Resampling[resample])
