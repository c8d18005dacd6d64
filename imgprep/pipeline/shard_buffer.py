"""A buffer for the rows of a shard, reused for the next shard."""

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray


class ShardBuffer(threading.local):
    """The buffer of each thread that uses it; a pickled one is new and empty."""

    def __init__(self) -> None:
        self._bytes = np.empty(0, np.uint8)

    def rows(self, shape: tuple[int, ...], dtype: np.dtype[Any] | str) -> NDArray[Any]:
        """An uninitialised array in this thread's buffer; it invalidates the array returned before.

        Mapping fresh memory of this size page by page costs more than copying the pixels into it.
        """
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if len(self._bytes) < size:
            self._bytes = np.empty(size, np.uint8)
        return self._bytes[:size].view(dtype).reshape(shape)

    def __reduce__(self) -> tuple[type["ShardBuffer"], tuple[()]]:
        return ShardBuffer, ()
