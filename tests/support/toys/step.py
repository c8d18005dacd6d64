"""An image step: fewer levels."""

from dataclasses import dataclass

import imgprep.transforms
from imgprep.transforms.base import Image, ShapeKept


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterize(ShapeKept):
    """Keeps the highest bits of each level.

    Attributes:
        bits: how many.
    """

    bits: int = 2

    def __call__(self, image: Image) -> Image:
        """Clears the other bits."""
        low = 8 * image.dtype.itemsize - self.bits
        return (image >> low) << low


def register() -> None:
    imgprep.transforms.STEPS = {**imgprep.transforms.STEPS, "posterize": Posterize}  # type: ignore[misc, assignment]
