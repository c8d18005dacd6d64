"""Chooses the scale at which a large JPEG is decoded: a half, a quarter or an eighth."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FACTORS: Final = (8, 4, 2)
_TINY: Final = 9
"""Sides below this have the same length at several scales, of which simplejpeg then takes the smallest."""

Reduction = Callable[[int, int], int]
"""Height and width of an image, upright -> 8, 4, 2 or 1, by which both are divided."""


@dataclass(frozen=True, slots=True)
class KeepingLongSide:
    """The largest factor that leaves a long side of so many pixels, rounded up; 1 for tiny images."""

    least: int

    def __call__(self, height: int, width: int) -> int:
        """The factor for an image of this size."""
        side = max(height, width)
        if side < _TINY:
            return 1
        return next((factor for factor in FACTORS if side > factor * (self.least - 1)), 1)


@dataclass(frozen=True, slots=True)
class KeepingTwice:
    """The largest factor that leaves twice a size on both sides, rounded down; 1 for tiny images."""

    size: tuple[int, int]

    def __call__(self, height: int, width: int) -> int:
        """The factor for an image of this size."""
        if max(height, width) < _TINY:
            return 1
        rows, columns = 2 * self.size[0], 2 * self.size[1]
        return next((factor for factor in FACTORS if height // factor >= rows and width // factor >= columns), 1)
