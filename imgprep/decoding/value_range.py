"""Numbers of any range to levels: what the spec's ``convert.range`` and ``convert.depth: {from: 12}`` do."""

from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import numpy as np
from numpy.typing import NDArray

from imgprep.decoding.alpha import Pixels
from imgprep.errors import ImageError

_NUMBERS: Final = "buif"


@dataclass(frozen=True, slots=True)
class ValueRange:
    """Sends low to 0 and high to the largest level: ``rint((x - low) / (high - low) * largest)`` in float64.

    Attributes:
        low: value that becomes 0.
        high: value that becomes 255 or 65535.
        depth: bits of the result; None gives 8 for images of 8 bits and 16 for all others.
        key: of the spec, for messages.
        deep_only: leave images of 8 bits as they are.
    """

    low: float
    high: float
    depth: Literal[8, 16] | None = 8
    key: str = "convert.range"
    deep_only: bool = False

    def __call__(self, values: NDArray[Any]) -> Pixels:
        """Converts an image; nothing is ever clipped or wrapped.

        Args:
            values: of any shape; whole numbers, truth values or floats.

        Returns:
            The same shape, uint8 or uint16.

        Raises:
            ImageError: a value is NaN, infinite, or out of range.
        """
        if not is_numeric(values.dtype):
            raise ImageError(f"values of type {values.dtype} are no numbers of at most 64 bits")
        if values.dtype == np.uint8 and self.deep_only:
            return cast("Pixels", values)
        if values.dtype.kind == "f" and (lost := int(values.size - np.isfinite(values).sum())):
            raise ImageError(f"{lost} of {values.size} values are NaN or infinite; replace them in the source")
        smallest, largest = values.min(), values.max()
        if smallest < self.low or largest > self.high:
            raise ImageError(
                f"values go from {smallest} to {largest}, beyond the {self.low:g} to {self.high:g} of {self.key}; "
                "widen it, or correct the image"
            )
        depth = self.depth or (8 if values.dtype == np.uint8 else 16)
        shares = (values.astype(np.float64) - self.low) / (self.high - self.low)
        return cast("Pixels", np.rint(shares * (2**depth - 1)).astype(np.uint8 if depth == 8 else np.uint16))


def is_numeric(dtype: np.dtype[Any]) -> bool:
    """True if numbers of this type can be converted: truth values, whole numbers and floats of at most 64 bits."""
    return dtype.kind in _NUMBERS and dtype.itemsize <= 8
