"""Reads finished datasets: random access, reproducible batches, everything in memory."""

import os
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Final, overload

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.manifest import ImageFormat, Manifest, read_manifest
from imgprep.dataset.shards import shards_of
from imgprep.errors import RequestError
from imgprep.shards.base import Rows
from imgprep.util.rng import rng

Label = int | NDArray[Any]

# Images of more bytes are copied one by one rather than twice.
_LARGE_ROW: Final = 8192


def load(directory: str | os.PathLike[str], split: str | None = None) -> "Dataset":
    """Opens the images of one split of a finished stage (convert, augment, pack).

    Args:
        directory: the stage's folder, which holds ``dataset.json``.
        split: its name; may be omitted when there is only one, or none as before the split.

    Returns:
        The images and labels; only the index has been read.

    Raises:
        RequestError: there is no finished dataset, it holds no images, or there is no such split.
    """
    folder = Path(directory)
    manifest = read_manifest(folder)
    if manifest.image is None:
        raise RequestError(f"{folder}: the stage {manifest.stage} holds no images; load convert or pack")
    splits = manifest.splits()
    if split is None and len(splits) > 1:
        raise RequestError(f"{folder}: there are several splits, choose one: split={' | '.join(map(repr, splits))}")
    if split is not None and split not in splits:
        choice = f"choose from {', '.join(splits)}" if splits else "there are no splits yet, leave it out"
        raise RequestError(f"{folder}: no split {split!r}; {choice}")
    chosen = split if split is not None else (splits[0] if splits else None)
    return Dataset(folder, manifest, manifest.image, chosen)


class Dataset:
    """The images and labels of one split, read on access.

    It is a map-style dataset for PyTorch, also in forked or spawned workers:
    ``DataLoader(dataset, batch_size=32, num_workers=2)``. For Keras, wrap `batches` in a generator;
    ``class_weight=dict(enumerate(dataset.class_weights.values()))``.

    Attributes:
        classes: the names of the classes in index order.
        class_weights: class name -> weight by its share of the training images, in index order; 0.0 for a class without
            training images. Empty before `pack`.
        image_shape: (height, width, channels).
        dtype: of the images.
        split: the name of this split; None before the split.
        splits: the names of all splits.
        manifest: the content of ``dataset.json``.
    """

    def __init__(self, folder: Path, manifest: Manifest, image: ImageFormat, split: str | None) -> None:
        self.manifest = manifest
        self.classes: tuple[str, ...] = manifest.classes
        weights = manifest.class_weights
        # By index, whatever the order in the file: a class that was left out would shift all after it.
        self.class_weights: dict[str, float] = (
            {} if weights is None else {name: float(weights.get(name) or 0.0) for name in manifest.classes}
        )
        self.image_shape: tuple[int, ...] = image.shape
        self.dtype: np.dtype[Any] = np.dtype(image.dtype)
        self._no_labels = np.zeros(0, (manifest.labels or {}).get("dtype", np.uint16))
        self.split = split
        self.splits: tuple[str, ...] = manifest.splits()
        entries = [entry for entry in manifest.shards if entry.split == split]
        self._shards = shards_of(folder, manifest, entries)
        self._starts = list(accumulate((entry.samples for entry in entries), initial=0))
        self._length = self._starts.pop()
        self._start_array = np.array(self._starts, np.int64)

    def __len__(self) -> int:
        return self._length

    def __repr__(self) -> str:
        return f"<Dataset {self.split or 'all'}: {len(self)} images {self.image_shape} {self.dtype}>"

    @overload
    def __getitem__(self, index: int | np.integer) -> tuple[NDArray[Any], Label]: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[NDArray[Any], NDArray[Any]]: ...
    def __getitem__(self, index: int | np.integer | slice) -> tuple[NDArray[Any], Any]:
        """One image (H, W, C) and its label, an int or for one-hot labels (K,); a slice gives arrays of them.

        The arrays are copies that the caller may change.
        """
        if isinstance(index, slice):
            return self._gather(np.arange(len(self))[index])
        row = int(index) + (len(self) if index < 0 else 0)
        if not 0 <= row < len(self):
            raise IndexError(f"index {index} of a dataset with {len(self)} images")
        shard = bisect_right(self._starts, row) - 1
        # Of equal starts the last is found: the only one of them that has rows.
        opened = self._shards[shard]
        row -= self._starts[shard]
        label = opened.labels[row]
        return np.array(opened.images[row]), np.array(label) if np.ndim(label) else int(label)

    def __iter__(self) -> Iterator[tuple[NDArray[Any], Label]]:
        return (self[index] for index in range(len(self)))

    @property
    def labels(self) -> NDArray[Any]:
        """(N,) class indices, or (N, K) one-hot, in the stored dtype."""
        parts = [self._shards[shard].labels[:] for shard in range(len(self._shards))]
        return np.concatenate(parts) if parts else self._no_labels.copy()

    @property
    def ids(self) -> list[str]:
        """The images' ids, in order."""
        return [text for shard in range(len(self._shards)) for text in self._shards.texts(shard, "id")]

    @property
    def parents(self) -> list[str]:
        """The ids of the images that augmented ones were made from, in order; '' for originals."""
        return [text for shard in range(len(self._shards)) for text in self._shards.texts(shard, "parent")]

    def batches(
        self, batch_size: int, *, shuffle: bool = False, seed: int = 0, epoch: int = 0, drop_last: bool = False
    ) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Iterates once over all images, in batches.

        Args:
            batch_size: images in a batch; the last one may have fewer.
            shuffle: whether to use a random order over all shards, which depends only on `seed` and `epoch`.
            seed: of the shuffle.
            epoch: number of the pass; each pass has its own order.
            drop_last: leave out a last batch with fewer images.

        Yields:
            (B, H, W, C) images and (B,) or (B, K) labels: new arrays.

        Raises:
            RequestError: the batch size is not positive.
        """
        if batch_size < 1:
            raise RequestError(f"batch_size is {batch_size}; it must be at least 1")
        order = rng(seed, "batches", epoch).permutation(len(self)) if shuffle else np.arange(len(self))
        stop = len(self) // batch_size * batch_size if drop_last else len(self)
        return (self._gather(order[start : start + batch_size]) for start in range(0, stop, batch_size))

    def arrays(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """All images (N, H, W, C) and labels (N,) or (N, K), in memory."""
        return self[:]

    def _gather(self, order: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Copies rows into new arrays, in the given order."""
        images = np.empty((len(order), *self.image_shape), self.dtype)
        if not len(self._shards):
            return images, self._no_labels.copy()
        which = np.searchsorted(self._start_array, order, "right") - 1
        rows = order - self._start_array[which]
        like = self._shards[int(which[0]) if len(which) else 0].labels
        labels = np.empty((len(order), *like.shape[1:]), like.dtype)
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


def _take(source: Rows, rows: NDArray[np.int64], target: NDArray[Any]) -> None:
    """``target[:] = source[rows]`` without h5py's fancy indexing and without a second copy."""
    # `take` would first copy an array that is not contiguous and aligned.
    if isinstance(source, np.ndarray) and source.flags.c_contiguous and source.flags.aligned:
        np.take(source, rows, axis=0, out=target, mode="clip")
    elif bool(np.all(np.diff(rows) == 1)):
        target[:] = source[int(rows[0]) : int(rows[-1]) + 1]
    else:
        for place, row in enumerate(rows.tolist()):
            target[place] = source[row]


def _in_order(array: NDArray[Any], places: NDArray[np.int64]) -> NDArray[Any]:
    """Puts row i of an array at places[i]."""
    found = np.empty_like(array)
    found[places] = array
    return found
