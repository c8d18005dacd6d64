"""Outlines of fruits in their own coordinates, and where a fruit lies in the picture."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from surfaces import BIG

Mask = NDArray[np.uint8]
Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the fruit lies: from its own coordinates (a unit circle, y down) to pixels of the large picture."""

    center: Points
    radius: float
    angle: float

    def place(self, points: Points) -> NDArray[np.int32]:
        """(N, 2) points of the fruit as (N, 2) pixels, x first."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        turned = points @ np.array([[cos, sin], [-sin, cos]])
        pixels: NDArray[np.int32] = np.rint(turned * self.radius + self.center).astype(np.int32)
        return pixels

    def fill(self, outline: Points) -> Mask:
        """(BIG, BIG) 255 inside the outline."""
        mask = np.zeros((BIG, BIG), np.uint8)
        cv2.fillPoly(mask, [self.place(outline)], 255)
        return mask

    def disc(self, x: float, y: float, radius: float) -> Mask:
        """(BIG, BIG) 255 inside a circle."""
        return self.fill(ellipse(x, y, radius, radius))


def ellipse(x: float, y: float, width: float, height: float) -> Points:
    """(60, 2) the outline of an ellipse, from its top clockwise."""
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    return np.stack([x + width * np.sin(turn), y - height * np.cos(turn)], 1)


def _profile(heights: list[float], widths: list[float]) -> Points:
    """A closed outline, the same left and right, from half-widths at heights; its corners are rounded."""
    y = np.linspace(heights[0], heights[-1], 160)
    x = np.interp(y, heights, widths)
    points = np.concatenate([np.stack([x, y], 1), np.stack([-x, y], 1)[::-1]])
    kernel = np.hanning(25) / np.hanning(25).sum()
    around = np.concatenate([points[-24:], points, points[:24]])
    smooth = np.stack([np.convolve(around[:, axis], kernel, "same") for axis in (0, 1)], 1)
    return smooth[24:-24]


def outline(label: str, rng: np.random.Generator) -> Points:
    """(N, 2) the outline of one fruit within the unit circle, its stem end up; every fruit is a little different."""
    turn = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    wobble = 1 + sum(rng.uniform(-0.012, 0.012) * np.cos(k * turn + rng.uniform(0, 6.28)) for k in range(2, 6))
    if label == "apple":
        from_top = np.minimum(turn, 2 * np.pi - turn)
        radius = 0.93 - 0.2 * np.exp(-((from_top / 0.33) ** 2)) - 0.09 * np.exp(-(((np.pi - from_top) / 0.3) ** 2))
        shoulders = 1 + rng.uniform(0.04, 0.12) * np.cos(turn)
        return np.stack([radius * wobble * shoulders * np.sin(turn), -0.93 * radius * wobble * np.cos(turn)], 1)
    if label == "orange":
        return np.stack([0.9 * wobble * np.sin(turn), -0.9 * rng.uniform(0.93, 1.0) * wobble * np.cos(turn)], 1)
    if label == "pear":
        neck, belly = rng.uniform(0.28, 0.36), rng.uniform(0.64, 0.72)
        heights = [-0.95, -0.88, -0.7, -0.45, -0.15, 0.15, 0.45, 0.7, 0.88, 0.96]
        widths = [0.06, 0.8 * neck, neck, 1.08 * neck, 0.62 * belly, 0.87 * belly, belly, 0.9 * belly, 0.5 * belly, 0.1]
        return _profile(heights, widths)
    along = np.linspace(-1, 1, 120)
    width = rng.uniform(0.21, 0.26) * np.sqrt(np.clip(1 - np.abs(along) ** 3.2, 0, 1)) + 0.035
    return np.concatenate([banana_axis(along, width), banana_axis(along, -0.8 * width)[::-1]])


def banana_axis(along: Points, aside: Points | float) -> Points:
    """Points along a banana (-1 its stem, 1 its tip) and aside of its middle line."""
    bend = along * 1.05
    radius = 0.98 + aside
    return np.stack([radius * np.sin(bend), radius * np.cos(bend) - 0.72], 1)
