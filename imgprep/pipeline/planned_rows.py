"""The earlier rows of one plan: several that follow one another are copied at once."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

from imgprep.pipeline.earlier_rows import EarlierRows, EarlierRun, OpenRows
from imgprep.pipeline.row_records import RowKeys

MOST: Final = 64
"""Rows that are copied at once, between two signs of life: of 224 x 224 pixels some 10 MB."""


class PlannedRows:
    """The earlier rows of one plan.

    Args:
        rows: open.
        keys: of the items of the plan.
        arrays: of a row, all that count for its checksum.
        without: items that are not to be copied.
    """

    def __init__(self, rows: OpenRows, keys: RowKeys, arrays: tuple[str, ...], without: Collection[int] = ()) -> None:
        self._rows = rows
        self._arrays = arrays
        self._earlier = keys.earlier
        self._runs = keys.runs(without)

    def at(self, item: int, most: int = MOST) -> EarlierRun | None:
        """The rows of an item and of those behind it, as far as they follow one another; None where it has none."""
        if not self._runs[item]:
            return None
        return self._rows.read(int(self._earlier[item]), min(most, self._runs[item]), self._arrays)

    def of(self, content: bytes) -> EarlierRun | None:
        """A row that was read from this content; None where there is none."""
        number = self._rows.find(content)
        found = None if number < 0 else self._rows.read(number, 1, self._arrays)
        return found if found is not None and found.contents == content else None


@contextmanager
def opened(
    earlier: EarlierRows | None, keys: RowKeys | None, arrays: tuple[str, ...], without: Collection[int] = ()
) -> Iterator[PlannedRows | None]:
    """The earlier rows of a plan, to be read by one task in a thread; None where there are none. See `PlannedRows`."""
    if earlier is None or keys is None:
        yield None
    else:
        with earlier.opened() as rows:
            yield PlannedRows(rows, keys, arrays, without)
