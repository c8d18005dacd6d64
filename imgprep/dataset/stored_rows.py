"""The images and labels of several shards as one sequence of rows."""

import functools
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgprep.shards.base import Rows
from imgprep.shards.shard_set import ShardSet
from imgprep.util.native import native_module

# Images of more bytes are copied one by one rather than twice.
_LARGE_ROW: Final = 8192


class StoredRows:
    """Rows of shards, read on access; the shards are opened by each process for itself.

    Args:
        shards: in order.
        counts: rows of each shard.
        image: (H, W, C) and dtype of every image.
        label: dtype of the labels where there is no shard to tell.
    """

    __slots__ = ("_empty", "_length", "_shape", "_shards", "_start_array", "_starts", "dtype")

    def __init__(
        self,
        shards: ShardSet,
        counts: Sequence[int],
        image: tuple[tuple[int, ...], np.dtype[Any]],
        label: np.dtype[Any],
    ) -> None:
        self._shards = shards
        self._starts = list(accumulate(counts, initial=0))
        self._length = self._starts.pop()
        self._start_array = np.array(self._starts, np.int64)
        self._shape, self.dtype = image
        self._empty = np.zeros(0, label)

    def __len__(self) -> int:
        return self._length

    def row(self, number: int) -> tuple[NDArray[Any], Any]:
        """One image and its label, as they lie in the shard: copy them before you change them.

        Args:
            number: from 0 to the number of rows.
        """
        # Of equal starts the last is found: the only one of them that has rows.
        shard = bisect_right(self._starts, number) - 1
        opened = self._shards[shard]
        return opened.images[number - self._starts[shard]], opened.labels[number - self._starts[shard]]

    def labels(self) -> NDArray[Any]:
        """(N,) or (N, K) the labels of all rows: a new array."""
        parts = [self._shards[shard].labels[:] for shard in range(len(self._shards))]
        return np.concatenate(parts) if parts else self._empty.copy()

    def texts(self, name: str) -> list[str]:
        """An array of text, of all rows."""
        return [text for shard in range(len(self._shards)) for text in self._shards.texts(shard, name)]

    def gather(self, order: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Copies rows into new arrays.

        Args:
            order: (B,) numbers of rows, each from 0 to the number of rows.

        Returns:
            (B, H, W, C) images and (B,) or (B, K) labels, in that order.
        """
        images = np.empty((len(order), *self._shape), self.dtype)
        if not len(self._shards):
            return images, self._empty.copy()
        if len(self._starts) == 1:
            opened = self._shards[0]
            labels = np.empty((len(order), *opened.labels.shape[1:]), opened.labels.dtype)
            _take(opened.labels, order, labels)
            _take(opened.images, order, images)
            return images, labels
        return self._gather(order, images)

    def _gather(self, order: NDArray[np.int64], images: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        which = self._start_array.searchsorted(order, "right") - 1
        rows = order - self._start_array[which]
        like = self._shards[int(which[0]) if len(which) else 0].labels
        labels = np.empty((len(order), *like.shape[1:]), like.dtype)
        if self._at_once(which, rows, images, labels):
            return images, labels
        # A shard's rows are copied together. Unless they are contiguous in the result, large images are placed one by
        # one (a call costs less than a second copy), small ones afterwards.
        places = np.argsort(which, kind="stable") if bool(np.any(which[1:] < which[:-1])) else None
        if places is not None:
            which, rows = which[places], rows[places]
        scatter = places is not None and images[:1].nbytes >= _LARGE_ROW
        cuts = [0, *(np.flatnonzero(np.diff(which)) + 1).tolist(), len(order)]
        for first, end in pairwise(cuts) if len(order) else ():
            opened = self._shards[int(which[first])]
            _take(opened.labels, rows[first:end], labels[first:end])
            if scatter and places is not None:
                for place, row in zip(places[first:end].tolist(), rows[first:end].tolist(), strict=True):
                    images[place] = opened.images[row]
            else:
                _take(opened.images, rows[first:end], images[first:end])
        if places is None:
            return images, labels
        return images if scatter else _in_order(images, places), _in_order(labels, places)

    def _at_once(
        self, which: NDArray[np.int64], rows: NDArray[np.int64], images: NDArray[Any], labels: NDArray[Any]
    ) -> bool:
        """Copies all rows by native code, if that is there and all shards are mapped as they are; else copies none.

        Args:
            which: (B,) numbers of shards.
            rows: (B,) numbers of rows in them.
            images: (B, H, W, C) for the images.
            labels: (B,) or (B, K) for the labels.
        """
        copy = _gather_rows()
        if copy is None or not len(which):
            return False
        of_images: list[Rows | None] = [None] * len(self._shards)
        of_labels = of_images.copy()
        for number in set(which.tolist()):
            shard = self._shards[number]
            if not (shard.mapped and _has_rows_of(images, shard.images) and _has_rows_of(labels, shard.labels)):
                return False
            of_images[number], of_labels[number] = shard.images, shard.labels
        copy(of_images, which, rows, images)
        copy(of_labels, which, rows, labels)
        return True


@functools.cache
def _gather_rows() -> Callable[..., None] | None:
    """The native code that copies rows, where it is installed."""
    return getattr(native_module(), "gather_rows", None)


def _has_rows_of(target: NDArray[Any], source: Rows) -> bool:
    """True if the rows of an array lie in memory as those of the target do."""
    return (
        isinstance(source, np.ndarray)
        and source.dtype == target.dtype
        and source.shape[1:] == target.shape[1:]
        and source.flags.c_contiguous
    )


def _take(source: Rows, rows: NDArray[np.int64], target: NDArray[Any]) -> None:
    """``target[:] = source[rows]`` without h5py's fancy indexing and without a second copy."""
    # `take` would first copy an array that is not contiguous and aligned.
    if isinstance(source, np.ndarray) and source.flags.c_contiguous and source.flags.aligned:
        source.take(rows, axis=0, out=target, mode="clip")
    elif len(rows) and bool(np.all(np.diff(rows) == 1)):
        target[:] = source[int(rows[0]) : int(rows[-1]) + 1]
    else:
        for place, row in enumerate(rows.tolist()):
            target[place] = source[row]


def _in_order(array: NDArray[Any], places: NDArray[np.int64]) -> NDArray[Any]:
    """Puts row i of an array at places[i]."""
    found = np.empty_like(array)
    found[places] = array
    return found
