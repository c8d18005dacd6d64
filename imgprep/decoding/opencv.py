"""OpenCV as a decoder: asked in one way, with limits, never turning."""

from typing import Final, cast

# First, because it sets the limits that OpenCV reads when it is imported.
from imgprep.decoding.format_header import Header, Reading  # isort: split

import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.errors import ImageError, one_line

# OpenCV's log adds nothing about a damaged file: it raises an error, or returns no image.
getattr(cv2.utils, "logging", cv2).setLogLevel(0)

_READINGS: Final[dict[Reading, int]] = {
    "unchanged": int(cv2.IMREAD_UNCHANGED),
    "rgb": int(cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION | cv2.IMREAD_ANYDEPTH),
}
NO_MEMORY: Final = "decoding needs more memory than is allowed"


def decode_with_opencv(data: bytes, header: Header) -> NDArray[np.integer]:
    """Decodes PNG, WebP, AVIF, JPEG 2000 and other files that OpenCV reads right, in the way their header asks for.

    Returns:
        (H, W), or (H, W, 3) RGB, or (H, W, 4) RGBA.

    Raises:
        ImageError: damaged, not read by OpenCV, or no memory left.
    """
    source = data if header.data is None else header.data
    try:
        image = cv2.imdecode(np.frombuffer(source, np.uint8), _READINGS[header.reading])
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise ImageError(NO_MEMORY) from None
        raise ImageError(f"damaged or not supported: {one_line(str(error.err).strip(), 160)}") from None
    if image is None:
        check_memory(4 * header.width * header.height)
        raise ImageError("damaged or not supported: the decoder refused it")
    if header.reading != "unchanged" or image.ndim == 2:
        return cast("NDArray[np.integer]", image)
    swap = cv2.COLOR_BGR2RGB if image.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
    return cast("NDArray[np.integer]", cv2.cvtColor(image, swap))


def check_memory(values: int) -> None:
    """Distinguishes a lack of memory, which decoders do not report, from damage.

    Raises:
        ImageError: so many bytes are not to be had.
    """
    try:
        np.empty(values, np.uint8)
    except MemoryError:
        raise ImageError(NO_MEMORY) from None


def unpack_or_opencv(data: bytes, header: Header) -> NDArray[np.integer]:
    """Decodes what the parser has prepared, or all of the file by OpenCV."""
    return header.unpack() if header.unpack else decode_with_opencv(data, header)
