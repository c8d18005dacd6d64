"""Finds images that may have the same pixels although not all of these were compared: the decoder reduced them.

Two JPEGs of the same pixels have, in practice, the same coefficients, and so the same reduced image: one was written
from the other with other metadata, or packed better. A JPEG and a file of another format are compared by what was
measured of both, which is nearly equal when the pixels are equal. Images that these tests tell apart are different;
of the others the whole pixels are digested.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgprep.checks.groups import Rows, clusters, equal_rows
from imgprep.checks.measurements import Measurements
from imgprep.similarity.bands import bit_count

LEVELS: Final = 4 / 255
"""By how much mean and deviation of luminance may differ between a reduced image and the same one whole.

Measured on 200 photographs, against the averages of a full decode: at most 0.25 and 0.5 levels, and 2 of the 64 bits
of the hash. What a pixel at the right or at the bottom that is left out can add is in the rest.
"""
BITS: Final = 12
FLAT: Final = 8 / 255
"""With less deviation of luminance the bits of a hash are noise."""
_GREY: Final = "grey"


def doubtful(measurements: Measurements) -> Rows:
    """The rows of reduced images that may have the same pixels as an image of other bytes, ascending."""
    reduced = measurements.valid & (measurements["factor"] > 1)
    rows = np.flatnonzero(reduced)
    found = [_alike(measurements, rows), *_across(measurements, reduced)]
    return np.unique(np.concatenate(found))


def settled(measurements: Measurements, rows: Rows, digests: NDArray[np.uint64]) -> Measurements:
    """The measurements with the digests of the whole pixels in these rows.

    Args:
        measurements: of the collection.
        rows: of `doubtful`.
        digests: (N, 2) one for each of these rows.
    """
    return measurements.replaced("pixels", rows, digests)


def _alike(measurements: Measurements, rows: Rows) -> Rows:
    """Those of the rows of which the reduced pixels are in several files of different bytes."""
    chosen = measurements.at(rows)
    data = equal_rows(chosen["data"])
    several = [cluster for cluster in clusters(equal_rows(chosen["pixels"])) if len(np.unique(data[cluster])) > 1]
    return rows[np.concatenate(several)] if several else rows[:0]


def _across(measurements: Measurements, reduced: NDArray[np.bool_]) -> Iterator[Rows]:
    """Reduced images that measure like a whole one of the same size."""
    shape = np.stack([measurements[name] for name in ("height", "width")] + [measurements.flagged(_GREY)], axis=1)
    names = equal_rows(shape.astype(np.uint32))
    whole = measurements.valid & ~reduced
    both = np.intersect1d(names[reduced], names[whole])
    usable = np.flatnonzero(measurements.valid & np.isin(names, both))
    for cluster in clusters(names[usable]):
        rows = usable[cluster]
        some, others = rows[reduced[rows]], rows[whole[rows]]
        others = others[np.argsort(measurements["mean"][others], kind="stable")]
        yield some[_close(measurements, some, others)]


def _close(measurements: Measurements, some: Rows, others: Rows) -> NDArray[np.bool_]:
    """Selects those that measure like any of the others, which are ordered by their mean."""
    mean, spread, hashes = (measurements[name] for name in ("mean", "spread", "hash"))
    start = np.searchsorted(mean[others], mean[some] - LEVELS, side="left")
    end = np.searchsorted(mean[others], mean[some] + LEVELS, side="right")
    found = np.zeros(len(some), bool)
    for place, (row, first, last) in enumerate(zip(some.tolist(), start.tolist(), end.tolist(), strict=True)):
        near = others[first:last]
        near = near[np.abs(spread[near] - spread[row]) <= LEVELS]
        flat = spread[row] < FLAT
        found[place] = flat if flat and len(near) else (bit_count(hashes[near] ^ hashes[row]) <= BITS).any()
    return found
