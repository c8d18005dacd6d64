"""Further answers about each image beside its label: a category, a number, or any of several tags."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from imgprep.table.label_type import label_dtype

Kind = Literal["category", "number", "many"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
SEPARATOR: Final = "|"
"""Between the tags in a cell of a table, unless the spec says another."""
RESERVED: Final = frozenset(
    {"image", "images", "label", "labels", "x", "y", "id", "ids", "parent", "checksum", "mask", "feature"}
)
"""Arrays of shards, and how sources call them: no target has such a name."""

Columns = Mapping[str, NDArray[Any]]
"""Name of a target -> (N,) or (N, K) its values."""


@dataclass(frozen=True, slots=True)
class Target:
    """One further answer, the same for every image of a collection.

    A category is stored as the index of its class, a number as float32, tags as a row of 0 and 1 for each of K classes.

    Attributes:
        name: of the array in shards.
        kind: category, number or many.
        columns: of the table: one, or for tags also one for each class.
        separator: between the tags in a cell.
        classes: of a category or of tags, in index order; () where they are still to be found, and for a number.
        ignore_missing: whether images without a category are allowed; they have the index `missing_index`.
    """

    name: str
    kind: Kind
    columns: tuple[str, ...]
    separator: str = SEPARATOR
    classes: tuple[str, ...] = ()
    ignore_missing: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the array: that of labels, float32, or uint8."""
        return {"category": label_dtype(len(self.classes)), "number": np.dtype(np.float32)}.get(
            self.kind, np.dtype(np.uint8)
        )

    @property
    def row_shape(self) -> tuple[int, ...]:
        """The shape of one row: () or (K,)."""
        return (len(self.classes),) if self.kind == "many" else ()

    @property
    def missing_index(self) -> int:
        """The index of an image without a category: the largest that the dtype holds, which no class has."""
        return int(np.iinfo(self.dtype).max)

    def value(self, row: Any) -> Any:
        """One row of the array for people and JSON: a class or None, a number or None, or a list of classes."""
        if self.kind == "category":
            return self.classes[int(row)] if int(row) < len(self.classes) else None
        if self.kind == "number":
            return None if np.isnan(row) else plain_number(row)
        return [self.classes[place] for place in np.flatnonzero(row).tolist()]

    def fits(self, array: NDArray[Any], rows: int) -> bool:
        """Tells whether an array has the dtype and shape of this target, and values that it can have."""
        if array.dtype != self.dtype or array.shape != (rows, *self.row_shape):
            return False
        if self.kind == "category":
            return bool(np.all((array < len(self.classes)) | (self.ignore_missing & (array == self.missing_index))))
        return not np.isinf(array).any() if self.kind == "number" else bool(np.all(array <= 1))

    def statistics(self, array: NDArray[Any]) -> dict[str, Any]:
        """Counts of classes, or mean, standard deviation and range; and how many images have no value.

        Args:
            array: (N,) or (N, K) as stored.

        Returns:
            ``counts`` and ``missing`` of a category; ``count``, ``missing``, ``mean``, ``std`` (of the population),
            ``min`` and ``max`` of a number, None without any; ``counts`` and ``empty``, images without a tag, of tags.
        """
        if self.kind == "number":
            return _numbers(array)
        if self.kind == "many":
            counts = array.sum(axis=0, dtype=np.int64)
            return {"counts": self._named(counts), "empty": int(np.count_nonzero(~array.any(axis=1)))}
        known = array[array < len(self.classes)]
        counts = np.bincount(known, minlength=len(self.classes))
        return {"counts": self._named(counts), "missing": len(array) - len(known)}

    def _named(self, counts: NDArray[np.integer]) -> dict[str, int]:
        return dict(zip(self.classes, counts.tolist(), strict=True))


def plain_number(value: Any) -> float:
    """A float32 as the shortest decimal number that it is the nearest to.

    >>> plain_number(np.float32(19.99))
    19.99
    """
    return float(str(np.float32(value)))


def _numbers(array: NDArray[Any]) -> dict[str, Any]:
    values = array[~np.isnan(array)]
    found: dict[str, Any] = {"count": len(values), "missing": len(array) - len(values)}
    if not len(values):
        return found | dict.fromkeys(("mean", "std", "min", "max"))
    # Sums without rounding: the same on every machine, in whatever order.
    exact = values.astype(np.float64).tolist()
    mean = math.fsum(exact) / len(exact)
    std = math.sqrt(math.fsum((value - mean) ** 2 for value in exact) / len(exact))
    return found | {"mean": mean, "std": std, "min": plain_number(values.min()), "max": plain_number(values.max())}


def values_of(targets: Sequence[Target], columns: Columns, row: int) -> dict[str, Any]:
    """The values of all targets for one image, by name; see `Target.value`."""
    return {target.name: target.value(columns[target.name][row]) for target in targets}


def of_rows(columns: Columns, rows: Any) -> Columns:
    """The columns of some rows."""
    return {name: column[rows] for name, column in columns.items()}
