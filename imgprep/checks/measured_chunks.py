"""Measurements that come in another order than that of their chunks, put together in the cache."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imgprep.checks.measure_images import Measured, keep
from imgprep.pipeline.plan import ShardPlan
from imgprep.table.sample import SampleTable


class MeasuredChunks:
    """Chunks that are being put together; each is written when all of its images are there.

    Args:
        folder: of the cache.
        plans: all chunks of a table.
        wanted: indices of those that are to be written.
        kind: dtype of a measurement.
    """

    def __init__(
        self, folder: Path, plans: Sequence[ShardPlan[SampleTable]], wanted: Sequence[int], kind: np.dtype[np.void]
    ) -> None:
        self._folder = folder
        self._plans = plans
        self._kind = kind
        self._starts = np.array([0, *accumulate(len(plan.items) for plan in plans)])
        self._missing = {index: int(plans[index].items.ok().sum()) for index in wanted}
        self._parts: dict[int, Measured] = {}
        self.written: set[str] = set()

    def rows(self) -> NDArray[np.bool_]:
        """(N,) the rows of the table that are in a chunk to be written and can be measured."""
        found = np.zeros(self._starts[-1], bool)
        for index in self._missing:
            found[self._starts[index] : self._starts[index + 1]] = self._plans[index].items.ok()
        return found

    def add(self, rows: NDArray[np.intp], found: Measured) -> None:
        """Adds measurements.

        Args:
            rows: (N,) of the table, ascending; each is added once.
            found: their measurements and faults; a chunk with a fault that may pass is never written.
        """
        chunks = np.searchsorted(self._starts, rows, side="right") - 1
        for index in np.unique(chunks).tolist():
            if index in self._missing:
                self._add(index, np.flatnonzero(chunks == index), rows, found)

    def _add(self, index: int, items: NDArray[np.intp], rows: NDArray[np.intp], found: Measured) -> None:
        plan = self._plans[index]
        if index not in self._parts:
            self._parts[index] = Measured({}, np.zeros(len(plan.items), self._kind))
        places = rows[items] - self._starts[index]
        part = self._parts[index]
        part.rows[places] = found.rows[items]
        faults = dict(_faults(found, items, places))
        self._missing[index] -= len(items)
        self._parts[index] = part._replace(faults={**part.faults, **faults})
        if not found.transient.isdisjoint(items.tolist()):
            del self._parts[index], self._missing[index]
        elif not self._missing[index]:
            del self._missing[index]
            keep(self._folder / plan.filename, _in_order(self._parts.pop(index)))
            self.written.add(plan.filename)


def _faults(found: Measured, items: NDArray[np.intp], places: NDArray[np.intp]) -> Iterator[tuple[int, str]]:
    for item, place in zip(items.tolist(), places.tolist(), strict=True):
        if item in found.faults:
            yield place, found.faults[item]


def _in_order(found: Measured) -> Measured:
    return found._replace(faults=dict(sorted(found.faults.items())))
