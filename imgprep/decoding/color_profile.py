"""Embedded ICC profiles to sRGB, by Little CMS through Pillow."""

import io
from typing import Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from imgprep.decoding.alpha import Pixels
from imgprep.errors import ImageError, one_line

FLAG: Final = "icc-profile"
_SPACES: Final = {"GRAY": ("L", 1), "RGB": ("RGB", 3), "CMYK": ("CMYK", 4)}
_FAULTS: Final = (ImageCms.PyCMSError, OSError, ValueError, TypeError)


class SrgbConverter:
    """Converts pixels from the profiles of their files to sRGB; the images of one collection often share theirs."""

    def __init__(self) -> None:
        self._profile = b""
        self._transform: tuple[ImageCms.ImageCmsTransform, str, int] | None = None

    def __call__(self, pixels: Pixels, profile: bytes) -> Pixels:
        """Converts an image, with the rendering intent that is Pillow's default, perceptual.

        Args:
            pixels: (H, W, 1) grey, (H, W, 3) RGB or (H, W, 4) CMYK, 255 for full ink; uint8.
            profile: the ICC profile.

        Returns:
            (H, W, 3) sRGB, or (H, W, 1) of grey; C-contiguous.

        Raises:
            ImageError: the profile is damaged, or of another kind than the pixels.
        """
        if pixels.dtype != np.uint8:
            raise ImageError(
                "the colour profile of a 16-bit image cannot be applied; convert.color_profile: ignore can"
            )
        transform, mode, channels = self._of(profile)
        grey = pixels.shape[2] == 1
        if grey and channels == 3:
            pixels = pixels.repeat(3, axis=2)
        if pixels.shape[2] != channels:
            raise ImageError(f"its colour profile is for {mode}, but its pixels have {pixels.shape[2]} channels")
        try:
            source = Image.frombytes(mode, (pixels.shape[1], pixels.shape[0]), pixels.tobytes())
            converted = cast("NDArray[np.uint8]", np.array(ImageCms.applyTransform(source, transform)))
        except _FAULTS as error:
            raise ImageError(_damaged(error)) from None
        return cv2.cvtColor(converted, cv2.COLOR_RGB2GRAY)[:, :, None] if grey else converted  # type: ignore[return-value]

    def _of(self, profile: bytes) -> tuple[ImageCms.ImageCmsTransform, str, int]:
        if self._transform is None or profile != self._profile:
            self._transform = _transform(profile)
            self._profile = profile
        return self._transform


def _transform(profile: bytes) -> tuple[ImageCms.ImageCmsTransform, str, int]:
    """From a profile to sRGB; and the mode and channels of the pixels that it is for."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = str(source.profile.xcolor_space).strip()
        if space not in _SPACES:
            raise ImageError(
                f"its colour profile is for {one_line(space, 8)}; those for grey, RGB and CMYK are applied"
            )
        mode, channels = _SPACES[space]
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except _FAULTS as error:
        raise ImageError(_damaged(error)) from None
    return transform, mode, channels


def _damaged(error: Exception) -> str:
    return f"its colour profile is damaged: {one_line(error, 120)}"
