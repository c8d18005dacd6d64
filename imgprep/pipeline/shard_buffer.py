"""A buffer for the rows of a shard, reused for the next shard."""

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

_OWN = threading.local()


def rows(shape: tuple[int, ...], dtype: np.dtype[Any] | str) -> NDArray[Any]:
    """An uninitialised array in this thread's buffer; it invalidates the array returned before.

    Mapping fresh memory of this size page by page costs more than copying the pixels into it.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    buffer: NDArray[np.uint8] | None = getattr(_OWN, "buffer", None)
    if buffer is None or len(buffer) < size:
        buffer = _OWN.buffer = np.empty(size, np.uint8)
    return buffer[:size].view(dtype).reshape(shape)
