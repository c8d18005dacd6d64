"""Collections whose images use only the lowest part of their depth: 12 bits stored in 16, or digits of 0..16."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from numpy.typing import NDArray

_BRIGHT: Final = {8: 32, 16: 1 << 14}
"""By bits: a collection without any value from here on is taken for one of fewer bits. A single highlight in one of the
images proves that the whole range is in use."""
_SPARSE: Final = 8


class Levels(NamedTuple):
    """The largest value of one or more dark images, and the bits of their type."""

    largest: int
    bits: int


def dark_levels(image: NDArray[Any]) -> Levels | None:
    """The largest value of an image (H, W, C) that uses only the lowest part of its depth; None for any other."""
    bits = image.dtype.itemsize * 8
    bright = _BRIGHT[bits]
    # One pixel after the other, then some of them: nearly every image is told by the first.
    if image.item(0) >= bright or image.item(image.size // 2) >= bright or image[::_SPARSE, ::_SPARSE].max() >= bright:
        return None
    largest = int(image.max())
    return Levels(largest, bits) if largest < bright else None


def darkest(found: Iterable[tuple[int, int] | None]) -> Levels | None:
    """The levels of all images together; None when one of them is not dark, or all are black."""
    seen = list(found)
    dark = [Levels(*levels) for levels in seen if levels is not None]
    if not dark or len(dark) < len(seen):
        return None
    return Levels(max(levels.largest for levels in dark), max(levels.bits for levels in dark))


def dark_note(shards: Iterable[tuple[int, int] | None]) -> str:
    """The warning about a dark collection, from the levels of its shards; '' when there is nothing to warn of."""
    levels = darkest(shards)
    if levels is None or levels.largest == 0:
        return ""
    largest, bits = levels
    used = largest.bit_length()
    return (
        f"the largest value of all images is {largest}, of {2**bits - 1} that {bits} bits hold: they come out almost "
        f"black; if they use {used} bits, set convert.depth: {{from: {used}}}; if {largest} is white, "
        f"convert.range: [0, {largest}]"
    )
