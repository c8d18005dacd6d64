"""Another background behind the same object, where masks say which pixels are which."""

import dataclasses
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from imgprep.transforms.base import DonorImages, Image, Params, Shape, Transform, Uniform, top
from imgprep.transforms.masks import OBJECT

_SMOOTHING: Final = 4
"""Passes of averaging over the neighbours, on each scale."""


def filled(image: Image, hole: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Continues what surrounds a hole smoothly into it.

    Means of ever larger blocks of known pixels are interpolated back into the unknown ones, each scale being smoothed
    by averages over the four neighbours: nearly the membrane that hangs from the rim, found in a few passes. (The
    scheme is the pull-push of S. Gortler et al., The Lumigraph, 1996.)

    Args:
        image: (H, W, C).
        hole: (H, W) what is unknown; not all of it.

    Returns:
        (H, W, C) levels, those outside of the hole as they are. A flat surrounding gives exactly its level.
    """
    unknown = hole[..., None]
    scales = [(np.where(unknown, 0.0, image), np.where(unknown, 0.0, 1.0))]
    while not scales[-1][1].all():
        total, weight = (_halved(array) for array in scales[-1])
        scales.append((total, weight))
    found: NDArray[np.float64] = scales[-1][0] / scales[-1][1]
    for total, weight in reversed(scales[:-1]):
        known = weight > 0
        guess = _doubled(found)[: total.shape[0], : total.shape[1]]
        found = np.where(known, total / np.maximum(weight, 1), guess)
        for _ in range(_SMOOTHING):
            found = np.where(known, found, _neighbours(found))
    return found


def swap_background(image: Image, donor_images: DonorImages) -> Image:
    """Puts the background of another image behind the object of this one.

    Both backgrounds are continued behind their objects. A pixel that is partly object keeps what it has, and only its
    share of background is exchanged: the old one leaves no rim of its colour, as plain blending by the mask would.

    Args:
        image: (H, W, C).
        donor_images: masks with object and background, and an image of the same shape and dtype.

    Returns:
        (H, W, C): the object where the mask is 255, the other background where it is 0.
    """
    new = filled(donor_images.other, donor_images.other_mask > 0)
    old = filled(image, donor_images.mask > 0)
    share = 1 - donor_images.mask[..., None] / OBJECT
    levels = np.rint(np.clip(image + share * (new - old), 0, top(image)))
    return levels.astype(image.dtype)  # type: ignore[return-value]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Background(Transform):
    """Each image whose mask is known before the background of another one, of another class."""

    needs_donor: ClassVar[bool] = True

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws nothing: the other image comes with the donor images."""
        return {}

    def merge(self, image: Image, params: Params, donor_images: DonorImages) -> Image:
        """Exchanges the background."""
        return swap_background(image, donor_images)


def _halved(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over blocks of 2 x 2 pixels; those at the far edges may be smaller."""
    rows = np.add.reduceat(array, np.arange(0, array.shape[0], 2), axis=0)
    return np.add.reduceat(rows, np.arange(0, array.shape[1], 2), axis=1)


def _doubled(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """Twice the size, by linear interpolation between the centres of the pixels."""
    for axis in (0, 1):
        length = array.shape[axis]
        before = array.take(np.maximum(np.arange(length) - 1, 0), axis)
        after = array.take(np.minimum(np.arange(length) + 1, length - 1), axis)
        pair = np.stack([0.75 * array + 0.25 * before, 0.75 * array + 0.25 * after], axis + 1)
        array = pair.reshape(*array.shape[:axis], 2 * length, *array.shape[axis + 1 :])
    return array


def _neighbours(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of the four neighbours; the edge is its own neighbour."""
    wide = np.pad(array, ((1, 1), (1, 1), (0, 0)), "edge")
    return (wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]) / 4
