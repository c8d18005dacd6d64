"""OpenCV, asked in one way: with limits, never turning, its complaints heard."""

import os
import re
from typing import Final, cast

# OpenCV reads its limits when it is imported. Ours is held against the header before OpenCV sees the file.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 40))

import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.decoding.damage import tell, watched
from imgprep.decoding.header import Header, Reading
from imgprep.decoding.headers import JPEG_START
from imgprep.errors import ImageError, TransientError, one_line

_SILENT: Final = 0
# What libtiff finds damaged is only logged: as errors and warnings by OpenCV 5, for debugging by OpenCV 4. Of good
# images neither says anything there, so that libjpeg's warnings stand alone.
_SPEAKING: Final = 5 if cv2.__version__.startswith("4.") else 3


def _speak(listening: bool) -> None:
    """While nobody listens, what OpenCV logs would reach the user's terminal."""
    getattr(cv2.utils, "logging", cv2).setLogLevel(_SPEAKING if listening else _SILENT)


_speak(False)
tell(_speak)

_LOGGED: Final = re.compile(
    r"\[ ?(?:ERROR|WARN):\d+@[\d.]+\] \S+ \S+:\d+ (?:TIFF_(?:Error|Warning) )?|OpenCV TIFF: (?:: )?"
)
"""What stands before a message of OpenCV's log, with a clock in version 5."""
_DAMAGE: Final = re.compile(r"ERROR:|TIFF_Warning JPEGLib|OpenCV TIFF: (?!TIFF)")
"""Messages that are not about an odd directory."""

_UNTURNED_RGB: Final = int(cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
_UNTURNED_GREY: Final = int(cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION)
_READINGS: Final[dict[Reading, int]] = {
    "unchanged": int(cv2.IMREAD_UNCHANGED),
    "rgb": _UNTURNED_RGB | int(cv2.IMREAD_ANYDEPTH),
}
# The names that speak of grey hold the bit of the reduction alone; those that speak of colour ask for BGR too.
_REDUCED: Final = (
    (8, int(cv2.IMREAD_REDUCED_GRAYSCALE_8)),
    (4, int(cv2.IMREAD_REDUCED_GRAYSCALE_4)),
    (2, int(cv2.IMREAD_REDUCED_GRAYSCALE_2)),
)
NO_MEMORY: Final = "decoding needs more memory than is allowed"


def scale(components: int, side: int, least: int) -> tuple[int, int]:
    """The factor of reduction for a long side, and how OpenCV is asked for it."""
    mode = _UNTURNED_GREY if components == 1 else _UNTURNED_RGB
    if least:
        for factor, reduced in _REDUCED:
            if side > factor * (least - 1):
                return factor, reduced | mode
    return 1, mode


def imdecode(data: bytes, mode: int) -> NDArray[np.uint8] | None:
    """What ``cv2.imdecode`` gives.

    Raises:
        ImageError: it raises an error of its own.
    """
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), mode)  # type: ignore[return-value]
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise TransientError(NO_MEMORY) from None
        raise ImageError(f"the decoder refused it: {one_line(str(error.err).strip(), 160)}") from None


def why_nothing(values: int, warning: str) -> str:
    """OpenCV keeps to itself why it gave no image; whether memory was the reason can be tried."""
    try:
        np.empty(values, np.uint8)
    except MemoryError:
        raise TransientError(NO_MEMORY) from None
    return in_words(warning) or "the decoder refused it"


def in_words(warning: str) -> str:
    """What the libraries said, the same at any time; '' when OpenCV alone spoke, to say that there is no image."""
    return one_line(_LOGGED.sub("", warning.partition("imdecode_ imdecode_")[0]).strip("; :"))


def ask_opencv(data: bytes, header: Header) -> NDArray[np.integer]:
    """Decodes what is no JPEG file, in the way that its header asks for.

    Returns:
        (H, W), or (H, W, 3) RGB, or (H, W, 4) RGBA.

    Raises:
        ImageError: damaged, not read by OpenCV, or no memory left.
    """
    reading = header.reading
    image, warning = watched(imdecode, data, _READINGS[reading])
    if image is not None and (_DAMAGE.search(warning) or (warning and data.startswith(JPEG_START))):
        raise ImageError(f"damaged: {in_words(warning)}")
    if image is None:
        values = 4 * header.width * header.height
        raise ImageError(f"damaged or not supported: {why_nothing(values, warning)}")
    if reading != "unchanged" or image.ndim == 2:
        return image
    swap = cv2.COLOR_BGR2RGB if image.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
    return cast("NDArray[np.integer]", cv2.cvtColor(image, swap))
