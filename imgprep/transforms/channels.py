"""Channels and depth: grey, RGB, 8 and 16 bits."""

from typing import Literal

import cv2
import numpy as np

from imgprep.transforms.base import Image, with_channels


def to_gray(image: Image) -> Image:
    """Converts to grey: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), as OpenCV computes it.

    Args:
        image: (H, W, 3) RGB, or (H, W, 1), which comes back as it is.

    Returns:
        (H, W, 1) of the same dtype. Within one level of Pillow's ``convert("L")``.
    """
    return image if image.shape[2] == 1 else with_channels(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), image)


def to_rgb(image: Image) -> Image:
    """Returns three channels, a grey one three times; (H, W, 3) comes back as it is."""
    return image if image.shape[2] == 3 else with_channels(cv2.cvtColor(image, cv2.COLOR_GRAY2RGB), image)


def to_depth(image: Image, depth: Literal[8, 16]) -> Image:
    """Converts between 8 and 16 bits a channel; 0 stays 0 and the highest level the highest.

    16 to 8 bits is the quotient by 257, correctly rounded: (x + 128) // 257. 8 to 16 bits is the product with 257,
    so that going up and down again gives the same image.
    """
    if image.dtype == (np.uint8 if depth == 8 else np.uint16):
        return image
    if depth == 16:
        return np.multiply(image, 257, dtype=np.uint16)
    # Multiples of 1/257 keep 0.0019 away from the nearest half, far more than the float32 error of this product.
    return with_channels(cv2.convertScaleAbs(image, alpha=1 / 257), image)
