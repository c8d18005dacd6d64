"""Pillow as a decoder: one plug-in at a time, named, so that no file reaches another one or an external program.

The header of a file has been checked before Pillow sees it: its own limits come too late or not at all.
"""

import io
import re
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from imgprep.errors import ImageError, one_line

Plugin = Callable[[io.BytesIO], ImageFile.ImageFile]
_CODES: Final = re.compile(r"decoder error -\d+( when reading image file)?")
_WIDE: Final = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})


def open_with_pillow(plugin: Plugin, data: bytes, name: str) -> Image.Image:
    """Decodes a file with one plug-in.

    Args:
        plugin: class of Pillow's image files.
        data: the file.
        name: of the format, for the reason.

    Raises:
        ImageError: damaged, or the plug-in does not read it.
    """
    try:
        image = plugin(io.BytesIO(data))
        image.load()
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - plug-ins raise whatever a damaged file makes of them
        said = _CODES.sub("its compressed pixels cannot be decoded", one_line(str(error).strip(), 160))
        raise ImageError(f"damaged {name}: {said or type(error).__name__}") from None
    return image


def pixels_of(image: Image.Image) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The pixels of an image.

    Returns:
        (H, W) or (H, W, 1) grey, (H, W, 3) RGB, (H, W, 4) RGBA; uint16 for the modes of 16 bits.
    """
    if image.mode in _WIDE:
        return np.asarray(image).astype(np.uint16)
    if image.mode == "1":
        return np.where(np.asarray(image), np.uint8(255), np.uint8(0))
    if image.mode in {"LA", "PA", "La", "RGBa"}:
        return np.array(image.convert("RGBA"))
    if image.mode == "P":
        return np.array(image.convert("RGBA" if "transparency" in image.info else "RGB"))
    return np.array(image if image.mode in {"L", "RGB", "RGBA"} else image.convert("RGB"))
