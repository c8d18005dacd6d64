"""Affine matrices, and the one warp that applies them.

Coordinates have their origin at the centre of the image, x to the right, y down, in pixels. So maps around the centre
are plain linear ones, and mirror images and quarter turns are exact. A matrix (a, b, c, d, e, f) sends the point (x, y)
of the image to the point (a x + b y + c, d x + e y + f) of the result. Positive angles turn counter-clockwise, as in
Pillow, scikit-image and cv2.getRotationMatrix2D.
"""

import math
from collections.abc import Mapping
from typing import Literal, TypeAlias

import cv2

from imgprep.errors import ImageError
from imgprep.transforms.affine import warp_affine
from imgprep.transforms.area import resize_area
from imgprep.transforms.base import Color, Image, Shape, color_of, with_channels

Matrix: TypeAlias = tuple[float, float, float, float, float, float]
Fill: TypeAlias = Literal["constant", "nearest", "reflect", "wrap"]
"""The surroundings of an image: a colour, its border pixels (abc|ccc), its mirror (abc|cba), itself (abc|abc)."""

IDENTITY: Matrix = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
QUARTER_TURNS: tuple[Matrix, ...] = (
    IDENTITY,
    (0.0, 1.0, 0.0, -1.0, 0.0, 0.0),
    (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0),
    (0.0, -1.0, 0.0, 1.0, 0.0, 0.0),
)
"""Turns by 0, 90, 180 and 270 degrees, counter-clockwise."""
BORDERS: Mapping[Fill, int] = {
    "constant": cv2.BORDER_CONSTANT,
    "nearest": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT,
    "wrap": cv2.BORDER_WRAP,
}
_SHRINKS = 0.7
"""An image that a matrix reduces below this share of a side is averaged to that size before the warp."""
_LONGEST = 32766
"""OpenCV's warps count pixels in 16 bits."""


def compose(first: Matrix, then: Matrix) -> Matrix:
    """Returns the matrix that does `first` and `then` the other."""
    a, b, c, d, e, f = first
    p, q, r, s, t, u = then
    return (p * a + q * d, p * b + q * e, p * c + q * f + r, s * a + t * d, s * b + t * e, s * c + t * f + u)


def inverse(matrix: Matrix) -> Matrix:
    """Returns the matrix that undoes this one."""
    a, b, c, d, e, f = matrix
    scale = 1 / (a * e - b * d)
    a, b, d, e = e * scale, -b * scale, -d * scale, a * scale
    return (a, b, -(a * c + b * f), d, e, -(d * c + e * f))


def rotation(degrees: float, shape: Shape, clip: bool = False) -> Matrix:
    """Turns around the centre, counter-clockwise.

    Unless `clip`, the whole image stays visible: it is turned inside the larger bound and that is resized back to
    height and width (Handbook, part 7), here as one matrix.
    """
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    if clip:
        return (cosine, sine, 0.0, -sine, cosine, 0.0)
    height, width, _ = shape
    along, aside = abs(cosine), abs(sine)
    across = width / (width * along + height * aside)
    down = height / (width * aside + height * along)
    return (cosine * across, sine * across, 0.0, -sine * down, cosine * down, 0.0)


def zooming(factor: float) -> Matrix:
    """Scales around the centre; a factor over 1 enlarges."""
    return (factor, 0.0, 0.0, 0.0, factor, 0.0)


def shifting(x: float, y: float) -> Matrix:
    """Moves by x pixels to the right and y pixels down."""
    return (1.0, 0.0, x, 0.0, 1.0, y)


def shearing(x: float, y: float) -> Matrix:
    """Shears around the centre: rows slide by tan(x degrees) a row, columns by tan(y degrees) a column."""
    return (1.0, math.tan(math.radians(x)), 0.0, math.tan(math.radians(y)), 1.0, 0.0)


def flipping(horizontal: bool, vertical: bool) -> Matrix:
    """Mirrors left and right (horizontal), top and bottom (vertical)."""
    return (-1.0 if horizontal else 1.0, 0.0, 0.0, 0.0, -1.0 if vertical else 1.0, 0.0)


def warp(image: Image, matrix: Matrix, fill: Fill = "constant", value: Color = 0) -> Image:
    """Applies a matrix in one (bilinear) interpolation, the result being of the image's shape.

    Four pixels are too few to make one of where the matrix reduces the image notably: it is then averaged by area to
    about the size that it will have, so that no detail turns into another one (aliasing). The identity gives the image
    itself; mirror images and quarter turns are copied pixel by pixel.

    Args:
        image: (H, W, C), no side longer than 32766.
        matrix: from the image to the result.
        fill: what surrounds the image.
        value: level or [red, green, blue] of the fill ``constant``.

    Raises:
        ImageError: the image is too long for OpenCV.
    """
    height, width = image.shape[:2]
    exact = _as_mirror(matrix, height == width)
    if exact:
        return _mirror(image, *exact)
    if height > _LONGEST or width > _LONGEST:
        raise ImageError(
            f"an image of {height}x{width} cannot be warped: no side may exceed {_LONGEST}, set convert.size"
        )
    image = _averaged(image, matrix)
    matrix = _resized(matrix, image, (height, width))
    a, b, c, d, e, f = matrix
    # OpenCV counts from the centre of the first pixel, which is at (-x, -y) here; of the result at (-u, -v).
    x, y = (image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2
    u, v = (width - 1) / 2, (height - 1) / 2
    pixels = (a, b, c + u - a * x - b * y, d, e, f + v - d * x - e * y)
    return warp_affine(image, pixels, (height, width), BORDERS[fill], color_of(value))


def _averaged(image: Image, matrix: Matrix) -> Image:
    """The image averaged by area along each axis that the matrix reduces notably; else the image itself."""
    a, b, _, d, e, _ = matrix
    height, width = image.shape[:2]
    across, down = math.hypot(a, d), math.hypot(b, e)
    if across >= _SHRINKS and down >= _SHRINKS:
        return image
    rows, columns = (
        max(1, round(side * scale)) if scale < _SHRINKS else side for side, scale in ((height, down), (width, across))
    )
    return resize_area(image, (rows, columns))


def _resized(matrix: Matrix, image: Image, shape: tuple[int, int]) -> Matrix:
    """The matrix for an image that was resized from (height, width) before."""
    if image.shape[:2] == shape:
        return matrix
    a, b, c, d, e, f = matrix
    across, down = shape[1] / image.shape[1], shape[0] / image.shape[0]
    return (a * across, b * down, c, d * across, e * down, f)


def _as_mirror(matrix: Matrix, square: bool) -> tuple[bool, bool, bool] | None:
    """Recognises what needs no interpolation: (rows and columns exchanged, then left and right, top and bottom)."""
    a, b, c, d, e, f = matrix
    if c or f:
        return None
    if not (b or d) and abs(a) == 1 == abs(e):
        return False, a < 0, e < 0
    if square and not (a or e) and abs(b) == 1 == abs(d):
        return True, b < 0, d < 0
    return None


def _mirror(image: Image, transposed: bool, horizontal: bool, vertical: bool) -> Image:
    if transposed:
        image = with_channels(cv2.transpose(image), image)
    if not (horizontal or vertical):
        return image
    return with_channels(cv2.flip(image, 1 if not vertical else -1 if horizontal else 0), image)
