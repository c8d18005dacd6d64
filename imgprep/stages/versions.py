"""What the pixels depend on besides spec and source: recorded in every index."""

import functools
from collections.abc import Mapping
from typing import Any

from imgprep.version import __version__


@functools.cache
def versions() -> Mapping[str, Any]:
    """Versions of imgprep and OpenCV, and the CPU features in use: interpolation depends on them by rounding."""
    import cv2  # noqa: PLC0415 - only stages pay for the import

    return {"imgprep": __version__, "opencv": cv2.__version__, "cpu_features": cv2.getCPUFeaturesLine()}
