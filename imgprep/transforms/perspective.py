"""The change of viewpoint: a random homography."""

import dataclasses
from typing import Annotated

import annotated_types as at
import cv2
import numpy as np

from imgprep.transforms.base import (
    Color,
    Image,
    Ordered,
    Params,
    Shape,
    Transform,
    Uniform,
    between,
    color_of,
    with_channels,
)
from imgprep.transforms.matrices import BORDERS, Fill

Strength = Annotated[float, at.Ge(0), at.Lt(0.5)]


def perspective(image: Image, corners: list[list[float]], fill: Fill = "constant", value: Color = 0) -> Image:
    """Sends the corners of the image to other places and all between them along, straight lines staying straight.

    Args:
        image: (H, W, C).
        corners: where the corners go, as [x, y] in shares of width and height, in the order upper left, upper right,
            lower right, lower left; [[0, 0], [1, 0], [1, 1], [0, 1]] is the identity.
        fill: what surrounds the image.
        value: level or [red, green, blue] of the fill ``constant``.
    """
    height, width = image.shape[:2]
    unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    moved = np.array(corners, np.float32)
    if np.array_equal(unit, moved):
        return image
    # Shares are of the edges of the image, which lie half a pixel outside the centres of the border pixels.
    size, half = np.array([width, height], np.float32), np.float32(0.5)
    homography = cv2.getPerspectiveTransform(unit * size - half, moved * size - half)
    warped = cv2.warpPerspective(
        image,
        homography,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=BORDERS[fill],
        borderValue=color_of(value),
    )
    return with_channels(warped, image)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Perspective(Transform):
    """Looks at the image from somewhere else: each corner moves inwards on its own.

    Attributes:
        strength: low and high share of the side that a corner may move along each axis, under 0.5.
        fill: what surrounds the image: ``constant``, ``nearest``, ``reflect`` or ``wrap``.
        value: level or [red, green, blue] of the fill ``constant``, in the image's own scale.
    """

    strength: Annotated[tuple[Strength, Strength], Ordered()] = (0.0, 0.15)
    fill: Fill = "constant"
    value: Color = 0

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws where the four corners go."""
        inwards = [[between(self.strength, uniform()), between(self.strength, uniform())] for _ in range(4)]
        (a, b), (c, d), (e, f), (g, h) = inwards
        return {"corners": [[a, b], [1 - c, d], [1 - e, 1 - f], [g, 1 - h]]}

    def apply(self, image: Image, params: Params) -> Image:
        """Moves the corners."""
        return perspective(image, params["corners"], self.fill, self.value)
