"""Rows of an HDF5 dataset that cannot be mapped, read on access."""

from typing import Any, Final, overload

import h5py
import numpy as np
from numpy.typing import NDArray

from imgprep.arrays.hdf5 import read_dataset

_BLOCK_BYTES: Final = 16 << 20


class DatasetRows:
    """The rows of a dataset; the chunk read last is cached because the next row is likely in it.

    Attributes:
        shape: of the whole dataset.
        dtype: of its values.

    Args:
        dataset: from `checked_dataset` or `walk`, with at least one dimension.
    """

    __slots__ = ("_block", "_dataset", "_size", "dtype", "shape")

    def __init__(self, dataset: h5py.Dataset) -> None:
        self._dataset = dataset
        self.shape: tuple[int, ...] = dataset.shape
        self.dtype: np.dtype[Any] = dataset.dtype
        size = max(1, dataset.dtype.itemsize * int(np.prod(dataset.shape[1:])))
        rows = dataset.chunks[0] if dataset.chunks else 1
        self._size = max(1, min(rows, _BLOCK_BYTES // size))
        # One attribute, so that a thread never combines the rows of one block with the start of another.
        self._block: tuple[int, NDArray[Any]] = (0, np.empty(0))

    def __len__(self) -> int:
        return self.shape[0]

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> NDArray[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return read_dataset(self._dataset, index)
        start, block = self._block
        if not start <= index < start + len(block):
            start = index - index % self._size
            block = read_dataset(self._dataset, slice(start, start + self._size))
            self._block = start, block
        return block[index - start]
