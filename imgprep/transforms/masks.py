"""Masks: (H, W) or (H, W, 1) uint8, 255 is the object, 0 the background, what lies between its share of a pixel."""

from typing import Final

from imgprep.transforms.base import Image

OBJECT: Final = 255


def tells_apart(mask: Image) -> bool:
    """True if a mask shows an object (a pixel that is mostly one) and a background (a pixel that is nothing else)."""
    return int(mask.max()) > OBJECT // 2 and int(mask.min()) == 0
