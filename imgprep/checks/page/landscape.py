"""A map of a collection: images that look alike from afar lie near each other.

Two principal components of the 64 low frequencies that the perceptual hash is made from. Every sum is of whole numbers,
and the sign of each component is fixed, so that the same collection has the same map everywhere.
"""

from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.checks.base import Evidence

POINTS: Final = 3000
"""Images on the map at most, every class in proportion."""
WIDTH: Final = 960
HEIGHT: Final = 600
MARGIN: Final = 18
PICTURE: Final = 32
"""Units of the map between the middles of two pictures."""
COLORS: Final = 10
"""Classes with a colour of their own."""


class Place(NamedTuple):
    """A point of the map; ``code`` is of its class."""

    x: float
    y: float
    code: int


class Mark(NamedTuple):
    """An image that is drawn on the map, as a JPEG in grey."""

    x: float
    y: float
    code: int
    id: str
    label: str
    image: bytes


class Landscape(NamedTuple):
    """The map.

    Attributes:
        points: of the images that are drawn as dots.
        marks: those that are drawn as pictures, none of which covers another.
        classes: the names of those with a colour of their own, in index order.
        explained: the share of the differences between images that the two directions show, 0 to 1.
        total: how many images could be on the map.
    """

    points: tuple[Place, ...]
    marks: tuple[Mark, ...]
    classes: tuple[str, ...]
    explained: float
    total: int
    width: int = WIDTH
    height: int = HEIGHT


def landscape(evidence: Evidence) -> Landscape | None:
    """The map of the images that have something to see; None when there are fewer than three, or all are alike."""
    usable = evidence.visible
    if evidence.measurements is None or len(usable) < 3:
        return None
    # Ordered by class, evenly spaced: every class is there in proportion.
    ordered = usable[np.argsort(evidence.labels[usable], kind="stable")]
    rows = np.sort(ordered[np.linspace(0, len(ordered) - 1, min(POINTS, len(ordered))).astype(np.intp)])
    measured = evidence.measurements.at(rows)
    flat, explained = components(measured["waves"])
    if not explained:
        return None
    low, high = flat.min(axis=0), flat.max(axis=0)
    size = np.array([WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN])
    places = np.round(MARGIN + size * (flat - low) / np.maximum(high - low, 1e-9), 1)
    codes = np.minimum(evidence.labels[rows], COLORS)
    drawn = _apart(places)
    pictures = measured.at(drawn)["small"]
    points = tuple(Place(x, y, code) for (x, y), code in zip(places.tolist(), codes.tolist(), strict=True))
    marks = tuple(
        Mark(
            points[place].x,
            points[place].y,
            points[place].code,
            evidence.table.id[row],
            evidence.table.label[row],
            _jpeg(picture),
        )
        for place, row, picture in zip(drawn.tolist(), rows[drawn].tolist(), pictures, strict=True)
    )
    return Landscape(points, marks, evidence.classes[:COLORS], explained, len(usable))


def components(waves: NDArray[np.int8]) -> tuple[NDArray[np.float64], float]:
    """The two directions in which vectors differ most.

    Args:
        waves: (N, D) whole numbers.

    Returns:
        (N, 2) the places along them, and the share of the variance that they show, 0 when there is none.
    """
    whole = waves.astype(np.int64)
    count = len(whole)
    total = whole.sum(axis=0)
    # N times the sum of squares less the square of the sum: exact.
    spread = (count * (whole.T @ whole) - np.outer(total, total)).astype(np.float64)
    values, vectors = np.linalg.eigh(spread / count**2)
    if values.sum() <= 0:
        return np.zeros((count, 2)), 0.0
    directions = vectors[:, [-1, -2]]
    largest = directions[np.abs(directions).argmax(axis=0), [0, 1]]
    directions = directions * np.where(largest < 0, -1, 1)
    flat: NDArray[np.float64] = (whole - total / count) @ directions
    return flat, float(values[-2:].sum() / values.sum())


def _apart(places: NDArray[np.float64]) -> NDArray[np.intp]:
    """The images, in order, that do not cover one before."""
    chosen: list[int] = []
    taken: dict[tuple[int, int], tuple[float, float]] = {}  # squares of this size hold one picture at most
    for place, (x, y) in enumerate(places.tolist()):
        column, row = int(x // PICTURE), int(y // PICTURE)
        near = (taken.get((column + right, row + down)) for right in (-1, 0, 1) for down in (-1, 0, 1))
        if all(at is None or abs(at[0] - x) >= PICTURE or abs(at[1] - y) >= PICTURE for at in near):
            taken[column, row] = (x, y)
            chosen.append(place)
    return np.array(chosen, np.intp)


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 70])[1].tobytes()
