"""The type of class indices in arrays."""

from typing import Any

import numpy as np


def label_dtype(classes: int) -> np.dtype[Any]:
    """The dtype of class indices: uint16 up to 65,535 classes, else uint32.

    >>> label_dtype(2), label_dtype(65_535), label_dtype(65_536)
    (dtype('uint16'), dtype('uint16'), dtype('uint32'))
    """
    return np.dtype(np.uint16 if classes <= np.iinfo(np.uint16).max else np.uint32)
