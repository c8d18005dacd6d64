"""pack: normalised, label-encoded, shuffled shards for each split, ready for training."""

import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import accumulate
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.manifest import AUGMENTED, ImageFormat, Manifest, fingerprint
from imgprep.dataset.record_edits import LEFT_OUT, Change, new_place, rewritten
from imgprep.engines.base import Heartbeat
from imgprep.pipeline import shard_buffer
from imgprep.pipeline.plan import ShardPlan, ShardRecord, cut, plan_digest, shard_count, shard_names
from imgprep.pipeline.runner import RunContext, commit_stage, entries, make_shards
from imgprep.pipeline.stage_images import OPEN_SHARDS, Images
from imgprep.pipeline.versions import versions
from imgprep.pipeline.writer import ShardWriter, Storage, label_dtype
from imgprep.shards.base import text_array
from imgprep.shards.shard_set import ShardSet
from imgprep.stages.augment.plan import VIEWS
from imgprep.stages.pack.selection import Picked, Selection, split_names
from imgprep.stages.pack.statistics import fitted
from imgprep.stages.split.allocate import TRAIN_NAME
from imgprep.stages.split.methods import Assignment
from imgprep.table.columns import blocks
from imgprep.transforms.normalize import FITTED, Kind, Normalizer

STAGE = "pack"


@dataclass(frozen=True, slots=True)
class PackSettings:
    """What the spec says of the packed dataset.

    Attributes:
        layout: ``flat``, or ``by_class`` with a group for each class.
        dtype: of the images.
        normalize: what is done to the values.
        labels: how labels are encoded.
        shuffle: whether the rows of each split are shuffled.
        seed: of the shuffle.
        statistics: whether those of the normalisation are of the original training images, or of their copies too.
    """

    layout: Literal["flat", "by_class"]
    dtype: str
    normalize: Kind
    labels: Literal["index", "one_hot"]
    shuffle: bool
    seed: int
    statistics: Literal["originals", "all"] = "originals"

    def settings(self) -> dict[str, Any]:
        """Plain values for a fingerprint: those that the result depends on."""
        unused = set() if self.normalize in FITTED else {"statistics"}
        return {name: getattr(self, name) for name in self.__slots__ if name not in unused}


@dataclass(frozen=True, slots=True)
class PackJob:
    """Makes one shard of the stage.

    Attributes:
        shards: where the rows are, those of one stage after those of the other.
        first: the number of the first shard of each stage.
        image: what the rows look like there.
        normalizer: fitted to the training images.
        settings: of the spec.
        classes: in index order.
        writer: where the shard goes.
    """

    shards: ShardSet
    first: tuple[int, ...]
    image: ImageFormat
    normalizer: Normalizer
    settings: PackSettings
    classes: tuple[str, ...]
    writer: ShardWriter

    def __call__(self, plan: ShardPlan[Selection], heartbeat: Heartbeat) -> ShardRecord:
        """Makes the shard.

        Raises:
            SourceError: a shard of an earlier stage is damaged.
            ResourceError: the file cannot be written.
        """
        finished = self.writer.finished(plan)
        if finished is not None:
            return finished
        picked = plan.items.gathered()
        images = shard_buffer.rows((len(picked), *self.image.shape), self.image.dtype)
        with self.shards.opened(OPEN_SHARDS) as shards:
            for item, (stage, (shard, row)) in enumerate(zip(picked.stage, picked.place, strict=True)):
                heartbeat.at(item)
                images[item] = shards[self.first[stage] + int(shard)].images[int(row)]
        heartbeat.done()
        arrays = self._columns(picked, self.normalizer(images, np.dtype(self.settings.dtype)))
        attributes: Mapping[str, Mapping[str, str]] = {}
        if self.settings.layout == "by_class":
            arrays, attributes = _by_class(arrays, picked.label, self.classes)
        counts = dict(Counter(self.classes[code] for code in picked.label.tolist()))
        return self.writer.write(ShardRecord(plan.filename, plan.split, len(picked), counts=counts), arrays, attributes)

    def _columns(self, picked: Picked, images: NDArray[Any]) -> dict[str, NDArray[Any]]:
        labels = picked.label.astype(label_dtype(len(self.classes)))
        if self.settings.labels == "one_hot":
            labels = np.eye(len(self.classes), dtype=np.uint8)[picked.label]
        return {
            "image": images,
            "label": labels,
            "id": text_array(picked.id),
            "parent": text_array(picked.parent),
            "checksum": np.array([zlib.crc32(image) for image in images], np.uint32),
        }


def _by_class(
    arrays: Mapping[str, NDArray[Any]], label: NDArray[np.integer], classes: tuple[str, ...]
) -> tuple[dict[str, NDArray[Any]], dict[str, dict[str, str]]]:
    """The handbook's layout: a group for each class, with its name as attribute; levels of a hierarchy are nested."""
    grouped: dict[str, NDArray[Any]] = {}
    attributes: dict[str, dict[str, str]] = {}
    for code in np.unique(label).tolist():
        levels = classes[code].split("/")
        for depth, level in enumerate(levels, 1):
            attributes["/".join(levels[:depth])] = {"label": level}
        mine = label == code
        grouped |= {f"{classes[code]}/{name}": array[mine] for name, array in arrays.items()}
    return grouped, attributes


@dataclass(frozen=True, slots=True)
class Packing:
    """The stage: everything it needs to know.

    Attributes:
        images: of the convert stage.
        assignment: of the split stage.
        splits: the index of the split stage.
        augmented: of the augment stage; None without one.
        storage: format, shard size and compression of the result.
        settings: of the spec.
    """

    images: Images
    assignment: Assignment
    splits: Manifest
    augmented: Images | None
    storage: Storage
    settings: PackSettings

    def fingerprint(self) -> str:
        """What the dataset is made from."""
        stages = [images.manifest.fingerprint for images in self._stages()]
        return fingerprint(self.settings.settings(), self.storage.settings(), stages, self.splits.fingerprint)

    def key(self) -> str:
        """What the stage is made from, for knowing what is up to date."""
        return fingerprint(versions(), self.images.manifest.name, self.fingerprint())

    def picked(self) -> dict[str, Selection]:
        """The rows of each split, in order; empty splits are left out."""
        stages = self._stages()
        chosen = {}
        for split in split_names(self.assignment.names, self.augmented):
            code = self.assignment.names.index(split) if split in self.assignment.names else None
            rows = [np.flatnonzero(self.assignment.codes == code) if code is not None else np.array([], np.int64)]
            rows += [np.flatnonzero(images.table.split.where(split)) for images in stages[1:]]
            picked = Selection.of(stages, rows, self.images.manifest.classes)
            if len(picked):
                shuffle = self.settings.shuffle and not split.endswith(VIEWS)  # the views of an image stay together
                chosen[split] = picked.shuffled(self.settings.seed, split) if shuffle else picked
        return chosen

    def plans(self, chosen: Mapping[str, Selection]) -> list[ShardPlan[Selection]]:
        """The shards, split by split."""
        row_bytes = int(np.prod(self.image.shape)) * np.dtype(self.settings.dtype).itemsize
        job = fingerprint(versions(), self.fingerprint())
        plans: list[ShardPlan[Selection]] = []
        for split, picked in chosen.items():
            count = shard_count(len(picked), row_bytes, self.storage.shard_size)
            ranges = cut(np.ones(len(picked), bool), count)
            ordered = picked.grouped(ranges) if self.settings.layout == "by_class" else picked
            for filename, rows in zip(shard_names(split, len(ranges), self.storage.format.suffix), ranges, strict=True):
                items = ordered[rows]
                plans.append(ShardPlan(len(plans), filename, split, items, plan_digest(job, filename, items)))
        return plans

    @property
    def image(self) -> ImageFormat:
        """What the converted images look like."""
        if self.images.manifest.image is None:
            raise ValueError("the convert stage has no images")
        return self.images.manifest.image

    def run(self, context: RunContext) -> Manifest:
        """Makes the stage.

        Raises:
            RequestError: the settings do not fit the images.
            ResourceError: it cannot be written.
        """
        chosen = self.picked()
        sets = [images.shards() for images in self._stages()]
        shards = reduce(ShardSet.__add__, sets)
        first = tuple(accumulate(map(len, sets[:-1]), initial=0))
        depth, train = 8 * np.dtype(self.image.dtype).itemsize, chosen.get(TRAIN_NAME)
        settings = self.settings
        normalizer, fitted_on = fitted(context, shards, train, (settings.normalize, settings.statistics), depth)
        normalizer.check(np.dtype(self.settings.dtype), self.image.shape[2])
        plans = self.plans(chosen)
        writer = ShardWriter.for_stage(context.workspace, STAGE, self.storage)
        job = PackJob(shards, first, self.image, normalizer, self.settings, self.images.manifest.classes, writer)
        records = make_shards(context, STAGE, job, plans)
        manifest = self._manifest(normalizer, fitted_on, records)
        return commit_stage(context, manifest, self.key(), self._samples(plans))

    def _stages(self) -> tuple[Images, ...]:
        return (self.images,) if self.augmented is None else (self.images, self.augmented)

    def _samples(self, plans: list[ShardPlan[Selection]]) -> Iterator[bytes]:
        """The lines of every stage with the place that each image got."""
        places = [new_place(plan.split or "", plan.filename) for plan in plans]
        for stage, images in enumerate(self._stages()):
            shards, rows = np.full(len(images.table), len(plans), np.uint32), np.zeros(len(images.table), np.uint32)
            for plan in plans:
                mine = plan.items.stage == stage
                numbers = plan.items.number[mine]
                shards[numbers], rows[numbers] = plan.index, _rows(self, plan)[mine]
            yield from rewritten(images.folder, _changes(places, shards, rows))

    def _manifest(self, normalizer: Normalizer, fitted_on: dict[str, Any], records: list[ShardRecord]) -> Manifest:
        made_of = self.images.manifest
        counts: dict[str, Counter[str]] = {}
        for record in records:
            counts.setdefault(record.split or "", Counter()).update(record.counts)
        made = {} if self.augmented is None else {AUGMENTED: len(self.augmented.table)}
        width = np.dtype(np.uint8) if self.settings.labels == "one_hot" else label_dtype(len(made_of.classes))
        return replace(
            made_of,
            stage=STAGE,
            counts={split: {name: count[name] for name in made_of.classes} for split, count in counts.items()},
            samples={**made_of.samples, **made},
            image=ImageFormat(self.image.shape, self.settings.dtype, normalizer.color_order),
            labels={"encoding": self.settings.labels, "dtype": width.name, "layout": self.settings.layout},
            normalization=normalizer.statistics() | fitted_on,
            class_weights=class_weights(counts.get(TRAIN_NAME, Counter()), made_of.classes),
            seed=self.settings.seed,
            fingerprint=self.fingerprint(),
            versions=versions(),
            shards=entries(records),
            groups=self.splits.groups,
        )


def _changes(
    places: Sequence[Callable[[int], Change]], shards: NDArray[np.uint32], rows: NDArray[np.uint32]
) -> Iterator[Change]:
    """The split, the shard and the row that each image got."""
    for block in blocks(len(shards)):
        for shard, row in zip(shards[block].tolist(), rows[block].tolist(), strict=True):
            yield places[shard](row) if shard < len(places) else LEFT_OUT


def _rows(packing: Packing, plan: ShardPlan[Selection]) -> NDArray[np.int64]:
    """(N,) the row of each item: in the shard, or in the group of its class."""
    rows = np.arange(len(plan.items))
    if packing.settings.layout == "flat":
        return rows
    _, starts, inverse = np.unique(plan.items.label(), return_index=True, return_inverse=True)
    return np.asarray(rows - starts[inverse.reshape(-1)])


def class_weights(counts: Mapping[str, int], classes: tuple[str, ...]) -> dict[str, float]:
    """N / (K x n_class): gives each of the K classes that have training images the same weight in a loss.

    Args:
        counts: training images of each class.
        classes: in index order.

    Returns:
        The weight of each class, in index order; 0.0 for one without training images, which is none of the K.

    >>> class_weights({"a": 3, "c": 1}, ("a", "b", "c"))
    {'a': 0.6666666666666666, 'b': 0.0, 'c': 2.0}
    """
    total, present = sum(counts.values()), sum(1 for name in classes if counts.get(name))
    return {name: total / (present * counts[name]) if counts.get(name) else 0.0 for name in classes}
