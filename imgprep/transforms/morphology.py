"""Grey-scale morphology with a disk, a square or a cross.

Pixels beyond the border are not there: they never win a minimum or a maximum. For these shapes that is equal to
scikit-image's default, the mirrored border. All results are exactly those of ``skimage.morphology``.
"""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import annotated_types as at
import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.transforms.base import Image, ShapeKept, with_channels

Form: TypeAlias = Literal["disk", "square", "cross"]

_OPERATIONS: Mapping[str, int] = {
    "erode": cv2.MORPH_ERODE,
    "dilate": cv2.MORPH_DILATE,
    "open": cv2.MORPH_OPEN,
    "close": cv2.MORPH_CLOSE,
    "white_tophat": cv2.MORPH_TOPHAT,
    "black_tophat": cv2.MORPH_BLACKHAT,
}
"""The name of each step to what OpenCV calls it."""


def footprint(form: Form, radius: int) -> NDArray[np.uint8]:
    """Returns the neighbourhood as a square array of 0 and 1 of side 2 * radius + 1.

    A ``disk`` holds what is at most `radius` away from the centre (``skimage.morphology.disk``; OpenCV's own ellipse is
    smaller), a ``cross`` the row and the column of the centre.
    """
    steps = np.arange(-radius, radius + 1)
    down, across = steps[:, None], steps[None, :]
    inside: NDArray[np.bool_] = {
        "disk": down**2 + across**2 <= radius**2,
        "square": np.ones((len(steps), len(steps)), bool),
        "cross": (down == 0) | (across == 0),
    }[form]
    return inside.astype(np.uint8)


def morphology(image: Image, operation: str, form: Form = "disk", radius: int = 1) -> Image:
    """Applies one morphological operation to each channel.

    Args:
        image: (H, W, C), 8 or 16 bits.
        operation: ``erode`` is the minimum over the neighbourhood, ``dilate`` the maximum; ``open`` erodes, then
            dilates (removes small bright things), ``close`` the other way (removes small dark things);
            ``white_tophat`` is the image less its opening, ``black_tophat`` its closing less the image.
        form: of the neighbourhood.
        radius: of the neighbourhood, in pixels.
    """
    return with_channels(cv2.morphologyEx(image, _OPERATIONS[operation], footprint(form, radius)), image)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Morphology(ShapeKept):
    """Base of the steps; a subclass says by its name which operation it is.

    Attributes:
        shape: of the neighbourhood: ``disk``, ``square`` or ``cross``.
        radius: of the neighbourhood, in pixels.
    """

    shape: Form = "disk"
    radius: Annotated[int, at.Ge(1), at.Le(100)] = 1

    def __call__(self, image: Image) -> Image:
        """Applies the operation to each channel."""
        return morphology(image, self.name, self.shape, self.radius)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Erode(_Morphology):
    """Step: the darkest level of the neighbourhood; bright things shrink."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Dilate(_Morphology):
    """Step: the brightest level of the neighbourhood; bright things grow."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Open(_Morphology):
    """Step: erodes, then dilates: removes bright things smaller than the neighbourhood."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Close(_Morphology):
    """Step: dilates, then erodes: removes dark things smaller than the neighbourhood."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WhiteTophat(_Morphology):
    """Step: the image less its opening: only bright things smaller than the neighbourhood stay."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BlackTophat(_Morphology):
    """Step: the closing less the image: only dark things smaller than the neighbourhood stay."""
