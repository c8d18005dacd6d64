"""Further answers in arrays beside those of the images, as attributes of the samples where a spec asks for them."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgprep.errors import RequestError, SourceError, one_line
from imgprep.sources.arrays import IMAGES
from imgprep.table.sample import Sample
from imgprep.table.targets import Target

ReadArray: TypeAlias = Callable[[str], NDArray[Any] | None]
"""Reads an array by its name; None where there is none."""
_WORD: Final = re.compile(rf"(?<![^_\-. /])(?:{'|'.join(sorted(IMAGES))})(?![^_\-. /])", re.IGNORECASE)


def sibling(images: str, column: str) -> str:
    """The name of the array of a column that belongs to an array of images.

    >>> sibling("x_train", "price"), sibling("train/image", "price"), sibling("apple/photos", "price")
    ('price_train', 'train/price', 'apple/price')
    """
    found = _WORD.search(images)
    if found is None:
        return f"{images.rpartition('/')[0]}/{column}".removeprefix("/")
    return images[: found.start()] + column + images[found.end() :]


class ArrayColumns:
    """Adds columns to samples whose location is ``ARRAY@ROW``.

    Args:
        targets: of which the columns are wanted.
        read: reads the arrays of the file.
        where: the file, for messages.
    """

    def __init__(self, targets: Iterable[Target], read: ReadArray, where: str) -> None:
        self._wanted = {column: target for target in targets for column in target.columns}
        self._read = read
        self._where = where
        self._cells: dict[str, dict[str, Sequence[str]]] = {}
        self._counts: dict[str, int] = {}

    def join(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        """Yields the samples with their columns; one that the file lacks is left out.

        Raises:
            RequestError: the classes of a column of several are not named.
            SourceError: an array has not one value for each image, or values of another kind.
        """
        for sample in samples:
            array, _, row = sample.location.rpartition("@")
            cells = self._of(array)
            if not cells:
                yield sample
                continue
            self._counts[array] = self._counts.get(array, 0) + 1
            try:
                found = {column: values[int(row)] for column, values in cells.items()}
            except IndexError:
                found = {}  # said at the end
            yield sample._replace(attributes={**sample.attributes, **found})
        for array, count in self._counts.items():
            for column, values in self._cells[array].items():
                if len(values) != count:
                    name = one_line(sibling(array, column), 80)
                    raise SourceError(f"{self._where}#{name}: {len(values)} values for {count} images")

    def _of(self, array: str) -> dict[str, Sequence[str]]:
        if array not in self._cells:
            found: dict[str, Sequence[str]] = {}
            for column, target in self._wanted.items():
                values = self._read(sibling(array, column))
                if values is not None:
                    found[column] = self._texts(values, target, sibling(array, column))
            self._cells[array] = found
        return self._cells[array]

    def _texts(self, values: NDArray[Any], target: Target, name: str) -> list[str]:
        where = f"{self._where}#{one_line(name, 80)}"
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        if values.ndim == 2 and values.dtype.kind in "uifb":
            return _tags(values, target, where)
        if values.ndim != 1 or values.dtype.kind not in "uifbOSU":
            shape = f"{list(values.shape)} and type {values.dtype}"
            raise SourceError(f"{where}: an array of shape {shape}; one value for each image is read")
        try:
            return [_text(value) for value in values]
        except UnicodeDecodeError as error:
            raise SourceError(f"{where}: a text that is not UTF-8") from error


def _tags(values: NDArray[Any], target: Target, where: str) -> list[str]:
    """The names of the classes of each row of 0 and 1, as JSON."""
    if not np.isin(values, (0, 1)).all():
        raise SourceError(f"{where}: rows that are not of 0 and 1")
    count = values.shape[1]
    if target.kind != "many" or len(target.classes) != count:
        names = f"targets.{target.name}: {{many: {target.columns[0]}, classes: [...]}}"
        raise RequestError(f"{where}: {count} values for each image; name the {count} classes: {names}")
    return [json.dumps([target.classes[place] for place in np.flatnonzero(row).tolist()]) for row in values]


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (bool, np.bool_)):
        return str(value).lower()
    return "" if isinstance(value, np.floating) and np.isnan(value) else str(value)
