"""Versions that the pixels depend on besides spec and source; recorded in every index."""

import functools
from collections.abc import Mapping
from typing import Any, Final

from imgprep.version import __version__

REVISION: Final = 3
"""Raised when the same spec and source give other bytes or measurements within one version of imgprep: the output of an
earlier revision is then out of date."""


@functools.cache
def versions() -> Mapping[str, Any]:
    """Versions of imgprep and of the libraries that decode and resize, `REVISION`, and the CPU features in use.

    The rounding of interpolation depends on the CPU features.
    """
    import cv2  # noqa: PLC0415 - only stages pay for the imports
    import PIL  # noqa: PLC0415
    import simplejpeg  # noqa: PLC0415

    return {
        "imgprep": __version__,
        "revision": REVISION,
        "opencv": cv2.__version__,
        "pillow": PIL.__version__,
        "simplejpeg": simplejpeg.__version__,
        "cpu_features": cv2.getCPUFeaturesLine(),
    }
