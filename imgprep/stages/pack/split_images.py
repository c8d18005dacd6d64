"""The images of all splits, originals and copies: what a dataset for training is made of, row by row."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.manifest import AUGMENTED, Manifest, decisions_key, fingerprint
from imgprep.dataset.record_edits import LEFT_OUT, Change, new_place, rewritten
from imgprep.dataset.row_format import ImageFormat
from imgprep.dataset.targets import described, joined_columns
from imgprep.pipeline.plan import ShardPlan, ShardRecord, cut, plan_digest, shard_names
from imgprep.pipeline.runner import entries
from imgprep.pipeline.stage_images import Images
from imgprep.pipeline.storage import Storage
from imgprep.pipeline.versions import recorded_versions
from imgprep.shards.shard_set import ShardSet
from imgprep.stages.augment.plan import VIEWS
from imgprep.stages.pack.image_shards import ImageShards
from imgprep.stages.pack.selection import Selection, split_names
from imgprep.stages.split.allocate import TRAIN_NAME
from imgprep.stages.split.methods import Assignment
from imgprep.table.columns import blocks
from imgprep.util.versions import versions

Arrange = Callable[[Selection, Sequence[slice]], Selection]
"""Puts the rows of shards, whose ranges are given, into their order."""


@dataclass(frozen=True, slots=True)
class SplitImages:
    """Everything that the splits hold.

    Attributes:
        images: of the convert stage.
        assignment: of the split stage.
        splits: the index of the split stage.
        augmented: of the augment stage; None without one.
        seed: of the shuffle.
    """

    images: Images
    assignment: Assignment
    splits: Manifest
    augmented: Images | None
    seed: int

    @property
    def stages(self) -> tuple[Images, ...]:
        """The stages that hold the images."""
        return (self.images,) if self.augmented is None else (self.images, self.augmented)

    @property
    def image(self) -> ImageFormat:
        """The format of the converted images."""
        if self.images.manifest.image is None:
            raise ValueError("the convert stage has no images")
        return self.images.manifest.image

    def fingerprint(self, settings: Mapping[str, Any], storage: Storage) -> str:
        """A hash of the dataset's inputs, without versions."""
        stages = [images.manifest.fingerprint for images in self.stages]
        return fingerprint({**settings, "seed": self.seed}, storage.stored(), stages, self.splits.fingerprint)

    def inputs(self, stage: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs of a stage that is made of them; see `ExplainedWork.inputs`."""
        images = self.images.manifest
        made_of = {"convert": images, "split": self.splits}
        made_of |= {} if self.augmented is None else {"augment": self.augmented.manifest}
        return {
            "versions": versions(),
            "name": images.name,
            "seed": self.seed,
            stage: settings,
            **{name: {"digest": manifest.fingerprint} for name, manifest in made_of.items()},
            **decisions_key(images.decisions),
        }

    def selected(self, *, shuffle: bool) -> dict[str, Selection]:
        """Split -> its rows, in order; empty splits are left out."""
        chosen = {}
        for split in split_names(self.assignment.names, self.augmented):
            code = self.assignment.names.index(split) if split in self.assignment.names else None
            rows = [np.flatnonzero(self.assignment.codes == code) if code is not None else np.array([], np.int64)]
            rows += [np.flatnonzero(images.table.split.where(split)) for images in self.stages[1:]]
            selected = Selection.of(self.stages, rows, self.images.manifest.classes)
            if len(selected):
                mixed = shuffle and not split.endswith(VIEWS)  # the views of an image stay together
                chosen[split] = selected.shuffled(self.seed, split) if mixed else selected
        return chosen

    def shards(self) -> ImageShards:
        """The shards of all stages, none of them open."""
        sets = [images.shards() for images in self.stages]
        return ImageShards(
            reduce(ShardSet.__add__, sets), tuple(accumulate(map(len, sets[:-1]), initial=0)), self.image
        )

    def lines(
        self,
        plans: Sequence[ShardPlan[Selection]],
        rows_of: Callable[[ShardPlan[Selection]], NDArray[np.integer]],
    ) -> Iterator[bytes]:
        """The lines of samples.jsonl of every stage, with the new place of each image.

        Args:
            plans: of all shards.
            rows_of: plan -> (N,) the row of each of its items in the shard, or in its group.
        """
        places = [new_place(plan.split or "", plan.filename) for plan in plans]
        for stage, images in enumerate(self.stages):
            shards, rows = np.full(len(images.table), len(plans), np.uint32), np.zeros(len(images.table), np.uint32)
            for plan in plans:
                mine = plan.items.stage == stage
                numbers = plan.items.number[mine]
                shards[numbers], rows[numbers] = plan.index, rows_of(plan)[mine]
            yield from rewritten(images.folder, _changes(places, shards, rows))

    def manifest(
        self, stage: str, made_from: str, records: Sequence[ShardRecord], plans: Sequence[ShardPlan[Selection]]
    ) -> Manifest:
        """The index of a stage, still with the format and the labels of the converted images.

        Args:
            stage: its name.
            made_from: see `fingerprint`.
            records: of all shards.
            plans: of them.
        """
        made_of = self.images.manifest
        counts: dict[str, Counter[str]] = {}
        for record in records:
            counts.setdefault(record.split or "", Counter()).update(record.counts)
        made = {} if self.augmented is None else {AUGMENTED: len(self.augmented.table)}
        targets = made_of.targets
        if self.images.targets:
            columns = joined_columns((plan.split or "", plan.items.targets()) for plan in plans)
            targets = described(self.images.targets, columns)
        return replace(
            made_of,
            stage=stage,
            counts={split: {name: count[name] for name in made_of.classes} for split, count in counts.items()},
            samples={**made_of.samples, **made},
            class_weights=class_weights(counts.get(TRAIN_NAME, Counter()), made_of.classes),
            seed=self.seed,
            fingerprint=made_from,
            versions=recorded_versions(),
            shards=entries(records),
            groups=self.splits.groups,
            targets=targets,
        )


def shard_plans(
    chosen: Mapping[str, Selection],
    count: Callable[[int], int],
    storage: Storage,
    job: str,
    arrange: Arrange | None = None,
) -> list[ShardPlan[Selection]]:
    """The shard plans, split by split.

    Args:
        chosen: split -> its rows.
        count: number of rows -> number of their shards.
        storage: format of the shards.
        job: a hash of everything else that they depend on.
        arrange: puts the rows of each shard into their order; None leaves them.
    """
    plans: list[ShardPlan[Selection]] = []
    for split, selected in chosen.items():
        ranges = cut(np.ones(len(selected), bool), count(len(selected)))
        ordered = selected if arrange is None else arrange(selected, ranges)
        names = shard_names(split, len(ranges), storage.format.suffix)
        for filename, rows in zip(names, ranges, strict=True):
            items = ordered[rows]
            plans.append(ShardPlan(len(plans), filename, split, items, plan_digest(job, filename, items)))
    return plans


def _changes(
    places: Sequence[Callable[[int], Change]], shards: NDArray[np.uint32], rows: NDArray[np.uint32]
) -> Iterator[Change]:
    """The changes of split, shard and row, image by image."""
    for block in blocks(len(shards)):
        for shard, row in zip(shards[block].tolist(), rows[block].tolist(), strict=True):
            yield places[shard](row) if shard < len(places) else LEFT_OUT


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
