"""Reads finished datasets: random access, reproducible batches, everything in memory, and as the frameworks want it."""

import os
from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgprep.dataset.adapters import ADAPTERS
from imgprep.dataset.adapters.base import KerasOptions
from imgprep.dataset.batches import Batch, Batches, Pass, PassOptions
from imgprep.dataset.manifest import Manifest, read_manifest
from imgprep.dataset.row_format import RowFormat
from imgprep.dataset.shards import shards_of
from imgprep.dataset.stage_folder import stage_folder
from imgprep.dataset.stored_rows import StoredRows
from imgprep.dataset.target_columns import TargetColumns, chosen_targets
from imgprep.errors import RequestError
from imgprep.storage.cache import size_limit
from imgprep.table.targets import Target

_FOLD = "fold-"
_SHOWN = 20
"""Classes that a notebook shows."""


def load(
    directory: str | os.PathLike[str],
    split: str | Sequence[str] | None = None,
    stage: str | None = None,
    *,
    targets: str | Sequence[str] | None = None,
    cache_size: int | str | None = None,
) -> "Dataset":
    """Opens the images, or the features, of one or more splits of a finished stage.

    Args:
        directory: the stage's folder, which holds ``dataset.json``; with `stage`, also the output folder. It may lie in
            an object store, as ``s3://bucket/output/pack``: each shard is fetched when it is first read, and kept.
        split: its name, or several, whose images follow each other in that order; may be omitted when there is only
            one, or none as before the split.
        stage: convert, augment, pack or features; that of the folder when left out.
        targets: names of targets; with them each image comes as (image, label, {name: value}).
        cache_size: how much of what was fetched is kept on disk, as ``50 GiB``; what ``IMGPREP_CACHE_SIZE`` says by
            default, else 20 GiB.

    Returns:
        The images and labels, or the features and labels; only the index has been read.

    Raises:
        RequestError: there is no finished dataset, it holds no images, or there is no such split or target.
    """
    folder = Path(directory) if stage is None else stage_folder(Path(directory), stage)
    manifest, limit = read_manifest(folder), None if cache_size is None else size_limit(cache_size)
    rows = manifest.rows
    if rows is None:
        raise RequestError(f"{folder}: the stage {manifest.stage} holds no images; load convert or pack")
    splits = manifest.splits()
    answers = chosen_targets(folder, manifest, targets)
    if split is None:
        if len(splits) > 1:
            raise RequestError(f"{folder}: there are several splits, choose one: split={' | '.join(map(repr, splits))}")
        return Dataset(folder, manifest, rows, splits, answers, limit)
    chosen = (split,) if isinstance(split, str) else tuple(split)
    for name in chosen:
        if name not in splits:
            choice = f"choose from {', '.join(splits)}" if splits else "there are no splits yet, leave it out"
            raise RequestError(f"{folder}: no split {name!r}; {choice}")
    if not chosen or len(set(chosen)) < len(chosen):
        raise RequestError(f"{folder}: split={list(chosen)!r} must name splits, each once")
    return Dataset(folder, manifest, rows, chosen, answers, limit)


def folds(
    directory: str | os.PathLike[str], *, targets: str | Sequence[str] | None = None
) -> Iterator[tuple["Dataset", "Dataset"]]:
    """The rounds of a k-fold cross-validation: each fold once for validation, the others together for training.

    Args:
        directory: the folder of the pack stage of a spec with ``split: {method: kfold}``.
        targets: as of `load`.

    Yields:
        The images for training and those for validation, K times.

    Raises:
        RequestError: there is no finished dataset, or it has no folds.
    """
    names = [name for name in read_manifest(Path(directory)).splits() if name.startswith(_FOLD)]
    if len(names) < 2:
        raise RequestError(f"{directory}: there are no folds; set split: {{method: kfold, folds: 5}} in the spec")
    for name in names:
        others = [other for other in names if other != name]
        yield load(directory, others, targets=targets), load(directory, name, targets=targets)


class Dataset:
    """The images and labels of one or more splits, read on access; those of the stage features are features.

    It is a map-style dataset of NumPy arrays: an index gives an image and its label; a slice, a list or array of them
    or a mask gives arrays; where targets were asked for, with a third member {name: value}. `torch`, `keras`, `tf`,
    `huggingface` and `grain` give it to a framework. Features take the place of images everywhere: (D,) each.

    Attributes:
        classes: the names of the classes in index order.
        class_weights: class name -> weight by its share of the training images, in index order; 0.0 for a class without
            training images. Empty before `pack`.
        class_weight: the same by index, as ``fit`` of Keras takes it.
        array: the name of what it holds: ``image``, or ``feature``.
        image_shape: of each image, (height, width, channels); of each feature, (D,).
        dtype: of the images.
        one_hot: whether a label is (K,) rather than a number.
        split: the name of this split, or the names joined by ``+``; None before the split.
        splits: the names of all splits of the stage.
        targets: name -> `Target`, with its kind and classes, of the targets that were asked for.
        manifest: the content of ``dataset.json``.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        rows: RowFormat,
        chosen: Sequence[str],
        targets: Sequence[Target] = (),
        cache_size: int | None = None,
    ) -> None:
        self.manifest = manifest
        self.classes: tuple[str, ...] = manifest.classes
        weights = manifest.class_weights
        # By index, whatever the order in the file: a class that was left out would shift all after it.
        self.class_weights: dict[str, float] = (
            {} if weights is None else {name: float(weights.get(name) or 0.0) for name in manifest.classes}
        )
        self.class_weight: dict[int, float] = dict(enumerate(self.class_weights.values()))
        self.array = rows.array
        self.image_shape: tuple[int, ...] = rows.shape
        self.dtype: np.dtype[Any] = np.dtype(rows.dtype)
        labels = manifest.labels or {}
        self.one_hot: bool = labels.get("encoding") == "one_hot"
        self.split = "+".join(chosen) or None
        self.splits: tuple[str, ...] = manifest.splits()
        entries = [entry for name in (chosen or (None,)) for entry in manifest.shards if entry.split == name]
        shards = shards_of(folder, manifest, entries, cache_size)
        self._targets = TargetColumns(targets, shards)
        self.targets: dict[str, Target] = self._targets.targets
        self._rows = StoredRows(
            shards,
            [entry.samples for entry in entries],
            (self.image_shape, self.dtype),
            np.dtype(labels.get("dtype", np.uint16)),
        )

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"<Dataset {self.split or 'all'}: {len(self)} {self.array}s {self.image_shape} {self.dtype}>"

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        """One image (H, W, C) and its label, an int or for one-hot labels (K,); several indices give arrays of them.

        The arrays are copies that the caller may change. Targets come as a third member, {name: value}.

        Args:
            index: a number, negative from the end; a slice; a list or array of numbers; a mask of one bool per image.

        Raises:
            IndexError: there is no such image, or the mask has another length.
        """
        if not isinstance(index, (int, np.integer)):
            return self._gather(self._chosen(index))
        row = int(index) + (len(self) if index < 0 else 0)
        if not 0 <= row < len(self):
            raise IndexError(f"index {index} of a dataset with {len(self)} images")
        image, label = self._rows.row(row)
        pair = np.array(image), np.array(label) if np.ndim(label) else int(label)
        return (*pair, self._targets.row(row)) if self.targets else pair

    def _gather(self, order: NDArray[np.int64]) -> Batch:
        pair = self._rows.gather(order)
        return (*pair, self._targets.gather(order)) if self.targets else pair

    def _repr_html_(self) -> str:
        """The images of each class, for notebooks."""
        counts = np.bincount(self.labels.argmax(1) if self.one_hot else self.labels, minlength=len(self.classes))
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{count}</td></tr>"
            for name, count in zip(self.classes[:_SHOWN], counts.tolist(), strict=False)
        )
        more = f"<tr><td>and {len(self.classes) - _SHOWN} more</td><td></td></tr>" if len(self.classes) > _SHOWN else ""
        return f"<p>{escape(repr(self))}</p><table>{rows}{more}</table>"

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return (self[index] for index in range(len(self)))

    @property
    def labels(self) -> NDArray[Any]:
        """(N,) class indices, or (N, K) one-hot, in the stored dtype."""
        return self._rows.labels()

    @property
    def ids(self) -> list[str]:
        """The images' ids, in order."""
        return self._rows.texts("id")

    @property
    def parents(self) -> list[str]:
        """The ids of the images that augmented ones were made from, in order; '' for originals."""
        return self._rows.texts("parent")

    def target(self, name: str) -> NDArray[Any]:
        """All values of a target that was asked for: (N,) class indices or float32, or (N, K) uint8 of 0 and 1.

        Raises:
            KeyError: it was not asked for.
        """
        return self._targets[name].copy()

    def batches(self, batch_size: int, *, start: int = 0, prefetch: int = 0, **order: Unpack[PassOptions]) -> Batches:
        """Iterates once over all images, in batches.

        Args:
            batch_size: images in a batch; the last one may have fewer.
            start: the first batch, to go on where an earlier pass ended; so does ``load_state_dict`` of the iterator.
            prefetch: batches that a thread reads ahead.
            **order: ``shuffle`` (False), ``seed`` (0) and ``epoch`` (0), which alone decide the order; ``drop_last``
                (False) leaves out rows at the end so that all batches are full; ``rank`` (0) and ``world_size`` (1)
                give each of several processes its part.

        Returns:
            An iterator over (B, H, W, C) images and (B,) or (B, K) labels, and {name: values} of targets: new arrays.

        Raises:
            RequestError: a number is out of range.
        """
        return self.pass_(Pass(batch_size=batch_size, **order), start=start, prefetch=prefetch)

    def pass_(self, pass_: Pass, *, start: int = 0, prefetch: int = 0) -> Batches:
        """See `batches`."""
        identity = f"{self.manifest.fingerprint}:{self.split}"
        return Batches(self._gather, len(self), pass_, start=start, prefetch=prefetch, fingerprint=identity)

    def arrays(self) -> Batch:
        """All images (N, H, W, C) and labels (N,) or (N, K), and {name: values} of targets, in memory."""
        return self[:]

    def torch(self, transform: Callable[[Any], Any] | None = None, *, channels_first: bool = True) -> Any:
        """A `torch.utils.data.Dataset`; see `imgprep.dataset.adapters.torch.TorchDataset`.

        Raises:
            RequestError: PyTorch is not installed; so for the other frameworks.
        """
        return ADAPTERS["torch"].load()(self, transform, channels_first=channels_first)

    def keras(self, batch_size: int, *, shuffle: bool = False, seed: int = 0, **options: Unpack[KerasOptions]) -> Any:
        """A `keras.utils.PyDataset`; see `imgprep.dataset.adapters.keras.KerasDataset`."""
        return ADAPTERS["keras"].load()(self, Pass(batch_size=batch_size, shuffle=shuffle, seed=seed), **options)

    def tf(self, batch_size: int | None = None, **order: Unpack[PassOptions]) -> Any:
        """A `tf.data.Dataset`, of batches or of single images; see `imgprep.dataset.adapters.tensorflow.tf_dataset`."""
        pass_ = Pass(batch_size=_SINGLES if batch_size is None else batch_size, **order)
        return ADAPTERS["tf"].load()(self, pass_, batched=batch_size is not None)

    def huggingface(self) -> Any:
        """A `datasets.Dataset`; see `imgprep.dataset.adapters.huggingface.huggingface_dataset`."""
        return ADAPTERS["huggingface"].load()(self)

    def grain(self) -> Any:
        """A random-access source for grain; see `imgprep.dataset.adapters.grain.GrainSource`."""
        return ADAPTERS["grain"].load()(self)

    def _chosen(self, index: slice | ArrayLike) -> NDArray[np.int64]:
        """The numbers of the rows that a slice, numbers or a mask mean."""
        count = len(self)
        if isinstance(index, slice):
            return np.arange(count)[index]
        chosen = np.asarray(index)
        if chosen.ndim != 1 or (chosen.size and chosen.dtype.kind not in "iub"):
            raise IndexError(f"{index!r} is no number, slice, list of numbers or mask")
        if chosen.dtype.kind == "b":
            if len(chosen) != count:
                raise IndexError(f"a mask of {len(chosen)} for a dataset with {count} images")
            return np.flatnonzero(chosen)
        rows = chosen.astype(np.int64, copy=False)
        if rows.size and (rows.min() < -count or rows.max() >= count):
            wrong = int(rows[(rows < -count) | (rows >= count)][0])
            raise IndexError(f"index {wrong} of a dataset with {count} images")
        return np.where(rows < 0, rows + count, rows) if rows.size and rows.min() < 0 else rows


_SINGLES = 64
"""Images that are read together where single ones are asked for."""
