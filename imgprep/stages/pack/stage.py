"""pack: writes normalised, label-encoded, shuffled shards for each split, ready for training."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.manifest import AUGMENTED, ImageFormat, Manifest, decisions_key, fingerprint
from imgprep.dataset.record_edits import LEFT_OUT, Change, new_place, rewritten
from imgprep.dataset.targets import described, joined_columns
from imgprep.engines.base import Heartbeat
from imgprep.pipeline.plan import ShardPlan, ShardRecord, cut, plan_digest, shard_count, shard_names
from imgprep.pipeline.runner import RunContext, commit_stage, entries, make_shards
from imgprep.pipeline.shard_job import ShardJob, columns, record_of
from imgprep.pipeline.stage_images import OPEN_SHARDS, Images
from imgprep.pipeline.versions import recorded_versions
from imgprep.pipeline.writer import ShardWriter, explained
from imgprep.shards.shard_set import ShardSet
from imgprep.stages.augment.plan import VIEWS
from imgprep.stages.pack.selection import SelectedRows, Selection, split_names
from imgprep.stages.pack.settings import PackSettings
from imgprep.stages.pack.statistics import fitted
from imgprep.stages.split.allocate import TRAIN_NAME
from imgprep.stages.split.methods import Assignment
from imgprep.table.columns import blocks, label_dtype
from imgprep.transforms.normalize import Normalizer
from imgprep.util.versions import versions

STAGE = "pack"


@dataclass(frozen=True, slots=True)
class PackJob(ShardJob[Selection]):
    """Makes one shard of the stage.

    Attributes:
        shards: that hold the rows, stage after stage.
        first: the number of the first shard of each stage.
        image: format of the stored rows.
        normalizer: fitted to the training images.
        settings: of the spec.
        classes: in index order.
        writer: writes the shard.
    """

    shards: ShardSet
    first: tuple[int, ...]
    image: ImageFormat
    normalizer: Normalizer
    settings: PackSettings
    classes: tuple[str, ...]
    writer: ShardWriter

    def make(self, plan: ShardPlan[Selection], heartbeat: Heartbeat) -> ShardRecord:
        """Makes the shard.

        Raises:
            SourceError: a shard of an earlier stage is damaged.
            ResourceError: the file cannot be written.
        """
        selected = plan.items.columns()
        images = self.writer.buffer.rows((len(selected), *self.image.shape), self.image.dtype)
        with self.shards.opened(OPEN_SHARDS) as shards:
            for item, (stage, (shard, row)) in enumerate(zip(selected.stage, selected.place, strict=True)):
                heartbeat.at(item)
                images[item] = shards[self.first[stage] + int(shard)].images[int(row)]
        heartbeat.done()
        arrays = self._columns(selected, self.normalizer(images, np.dtype(self.settings.dtype)))
        attributes: Mapping[str, Mapping[str, str]] = {}
        if self.settings.layout == "by_class":
            arrays, attributes = _by_class(arrays, selected.label, self.classes)
        return self.writer.write(record_of(plan, selected.label, self.classes), arrays, attributes)

    def _columns(self, selected: SelectedRows, images: NDArray[Any]) -> dict[str, NDArray[Any]]:
        labels = selected.label.astype(label_dtype(len(self.classes)))
        if self.settings.labels == "one_hot":
            labels = np.eye(len(self.classes), dtype=np.uint8)[selected.label]
        return columns(images, labels, selected.id, selected.parent, selected.targets)


def _by_class(
    arrays: Mapping[str, NDArray[Any]], label: NDArray[np.integer], classes: tuple[str, ...]
) -> tuple[dict[str, NDArray[Any]], dict[str, dict[str, str]]]:
    """The handbook's layout: a group per class with its name as attribute; levels of a hierarchy are nested."""
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
    """The stage with all its inputs.

    Attributes:
        images: of the convert stage.
        assignment: of the split stage.
        splits: the index of the split stage.
        augmented: of the augment stage; None without one.
        settings: of the spec.
        seed: of the shuffle.
    """

    images: Images
    assignment: Assignment
    splits: Manifest
    augmented: Images | None
    settings: PackSettings
    seed: int

    def fingerprint(self) -> str:
        """A hash of the dataset's inputs, without versions."""
        stages = [images.manifest.fingerprint for images in self._stages()]
        settings = self.settings.values() | {"seed": self.seed}
        return fingerprint(settings, self.settings.stored(), stages, self.splits.fingerprint)

    def inputs(self) -> dict[str, Any]:
        """See `ExplainedWork.inputs`."""
        images = self.images.manifest
        made_of = {"convert": images, "split": self.splits}
        made_of |= {} if self.augmented is None else {"augment": self.augmented.manifest}
        return {
            "versions": versions(),
            "name": images.name,
            "seed": self.seed,
            STAGE: self.settings.values() | self.settings.stored(),
            **{stage: {"digest": manifest.fingerprint} for stage, manifest in made_of.items()},
            **decisions_key(images.decisions),
        }

    def key(self) -> str:
        """A hash of the stage's inputs, to decide what is up to date."""
        return fingerprint(self.inputs())

    def selected(self) -> dict[str, Selection]:
        """Split -> its rows, in order; empty splits are left out."""
        stages = self._stages()
        chosen = {}
        for split in split_names(self.assignment.names, self.augmented):
            code = self.assignment.names.index(split) if split in self.assignment.names else None
            rows = [np.flatnonzero(self.assignment.codes == code) if code is not None else np.array([], np.int64)]
            rows += [np.flatnonzero(images.table.split.where(split)) for images in stages[1:]]
            selected = Selection.of(stages, rows, self.images.manifest.classes)
            if len(selected):
                shuffle = self.settings.shuffle and not split.endswith(VIEWS)  # the views of an image stay together
                chosen[split] = selected.shuffled(self.seed, split) if shuffle else selected
        return chosen

    def plans(self, chosen: Mapping[str, Selection]) -> list[ShardPlan[Selection]]:
        """The shard plans, split by split."""
        row_bytes = int(np.prod(self.image.shape)) * np.dtype(self.settings.dtype).itemsize
        job = fingerprint(versions(), self.fingerprint())
        plans: list[ShardPlan[Selection]] = []
        for split, selected in chosen.items():
            count = shard_count(len(selected), row_bytes, self.settings.shard_size)
            ranges = cut(np.ones(len(selected), bool), count)
            ordered = selected.grouped(ranges) if self.settings.layout == "by_class" else selected
            names = shard_names(split, len(ranges), self.settings.format.suffix)
            for filename, rows in zip(names, ranges, strict=True):
                items = ordered[rows]
                plans.append(ShardPlan(len(plans), filename, split, items, plan_digest(job, filename, items)))
        return plans

    @property
    def image(self) -> ImageFormat:
        """The format of the converted images."""
        if self.images.manifest.image is None:
            raise ValueError("the convert stage has no images")
        return self.images.manifest.image

    def run(self, context: RunContext) -> Manifest:
        """Makes the stage.

        Raises:
            RequestError: the settings do not fit the images.
            ResourceError: it cannot be written.
        """
        job, plans, fitted_on = self._shards(context)
        records = make_shards(context, STAGE, job, plans)
        manifest = self._manifest(job.normalizer, fitted_on, records)
        if self.images.targets:
            splits = joined_columns((plan.split or "", plan.items.targets()) for plan in plans)
            manifest = replace(manifest, targets=described(self.images.targets, splits))
        return commit_stage(context, manifest, self.key(), self._samples(plans))

    def shards(self, context: RunContext) -> tuple[PackJob, list[ShardPlan[Selection]]]:
        """See `ShardedWork.shards`."""
        return self._shards(context)[:2]

    def _shards(self, context: RunContext) -> tuple[PackJob, list[ShardPlan[Selection]], dict[str, Any]]:
        """As `shards`, and what the statistics were taken from."""
        chosen = self.selected()
        sets = [images.shards() for images in self._stages()]
        shards = reduce(ShardSet.__add__, sets)
        first = tuple(accumulate(map(len, sets[:-1]), initial=0))
        depth, train = 8 * np.dtype(self.image.dtype).itemsize, chosen.get(TRAIN_NAME)
        settings = self.settings
        normalizer, fitted_on = fitted(context, shards, train, (settings.kind, settings.statistics), depth)
        normalizer.check(np.dtype(self.settings.dtype), self.image.shape[2])
        image = ImageFormat(self.image.shape, self.settings.dtype, normalizer.color_order)
        statistics = normalizer.statistics() | fitted_on
        about = explained(self.images.manifest.classes, image, statistics, self.images.targets)
        writer = ShardWriter.for_stage(context.workspace, STAGE, self.settings, about)
        job = PackJob(shards, first, self.image, normalizer, self.settings, self.images.manifest.classes, writer)
        return job, self.plans(chosen), fitted_on

    def _stages(self) -> tuple[Images, ...]:
        return (self.images,) if self.augmented is None else (self.images, self.augmented)

    def _samples(self, plans: list[ShardPlan[Selection]]) -> Iterator[bytes]:
        """The lines of samples.jsonl of every stage, with the new place of each image."""
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
            seed=self.seed,
            fingerprint=self.fingerprint(),
            versions=recorded_versions(),
            shards=entries(records),
            groups=self.splits.groups,
        )


def _changes(
    places: Sequence[Callable[[int], Change]], shards: NDArray[np.uint32], rows: NDArray[np.uint32]
) -> Iterator[Change]:
    """The changes of split, shard and row, image by image."""
    for block in blocks(len(shards)):
        for shard, row in zip(shards[block].tolist(), rows[block].tolist(), strict=True):
            yield places[shard](row) if shard < len(places) else LEFT_OUT


def _rows(packing: Packing, plan: ShardPlan[Selection]) -> NDArray[np.int64]:
    """(N,) the row of each item, in the shard or in the group of its class."""
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
        Class -> weight, in index order; 0.0 for a class without training images, which does not count in K.

    >>> class_weights({"a": 3, "c": 1}, ("a", "b", "c"))
    {'a': 0.6666666666666666, 'b': 0.0, 'c': 2.0}
    """
    total, present = sum(counts.values()), sum(1 for name in classes if counts.get(name))
    return {name: total / (present * counts[name]) if counts.get(name) else 0.0 for name in classes}
