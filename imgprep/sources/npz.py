"""Images in npz files, the form in which Keras ships MNIST: ``x_train``, ``y_train``, ``x_test``, ``y_test``."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import NDArray

from imgprep.archives.files import file_stamp
from imgprep.arrays.npz import open_npz
from imgprep.errors import SourceError, one_line
from imgprep.sources.array_columns import ReadArray
from imgprep.sources.array_source import ArraySource
from imgprep.sources.arrays import (
    ClassNames,
    Naming,
    array_samples,
    check_images,
    find_pairs,
    read_labels,
)
from imgprep.sources.base import InStores
from imgprep.sources.splits import Unknown
from imgprep.table.sample import Sample


@dataclass(frozen=True, slots=True)
class Npz(ArraySource):
    """Arrays ``image`` and ``label`` (or images and labels, x and y), or ``x_train``, ``y_train`` and so on.

    Attributes:
        path: the file.
        class_names: the names of the classes 0, 1, 2, ...; the numbers when omitted.
    """

    layout: ClassVar[str] = "npz"
    unknown_split: ClassVar[Unknown] = "skip"
    reads_named: ClassVar[bool] = True
    in_stores: ClassVar[InStores] = "file"

    path: Path
    class_names: ClassNames | None = None

    def samples(self) -> Iterator[Sample]:
        """Lists the rows of the arrays; see `Source.samples`."""
        where, stamp = one_line(self.path), file_stamp(self.path)
        naming = Naming(self.classes(), where)
        with open_npz(str(self.path)) as file:
            pairs = find_pairs(file.names, where)
            if not pairs:
                raise SourceError(f"{where}: no array image, images or x, there are: {', '.join(file.names)}")
            # Every array is checked before the first sample is given away.
            for name in file.names:
                file.check(name)
            listed = []
            for pair in pairs:
                header = file.headers[pair.images]
                check_images(header.shape, header.dtype, f"{where}#{pair.images}")
                listed.append(read_labels(file.read(pair.labels), header.shape[0], f"{where}#{pair.labels}"))
        for pair, labels in zip(pairs, listed, strict=True):
            among = f"{pair.images}/" if len(pairs) > 1 else ""
            prefix = (f"{self.path.name}#{among}", f"{pair.images}@")
            yield from array_samples(labels, naming, prefix, pair.split, stamp)

    @contextmanager
    def arrays(self) -> Iterator[ReadArray]:
        """See `ArraySource.arrays`."""
        with open_npz(str(self.path)) as file:
            yield lambda name: file.read(name) if name in file.names else None

    @staticmethod
    def open_file(path: Path) -> "_File":
        """See `FileSource.open_file`."""
        return _File(path)


class _File:
    """An open file and the arrays that were asked for; a compressed one is expanded once in each worker."""

    def __init__(self, path: Path) -> None:
        self._file = open_npz(str(path))
        self._rows: dict[str, NDArray[Any]] = {}

    def rows(self, name: str) -> NDArray[Any]:
        if name not in self._rows:
            self._rows[name] = self._file.rows(name)
        return self._rows[name]

    def close(self) -> None:
        self._rows.clear()
        self._file.close()
