"""augment: makes training images from others, and test sets that show what a model did not learn.

Every copy depends only on the seed, the id of its parent and its own number.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.manifest import AUGMENTED, Manifest, commit, decisions_key, fingerprint
from imgprep.dataset.records import SampleRecord, json_line
from imgprep.dataset.row_format import ImageFormat
from imgprep.dataset.targets import described, joined_columns
from imgprep.errors import RequestError
from imgprep.pipeline.plan import ShardPlan, ShardRecord, cut, plan_digest, shard_count, shard_names
from imgprep.pipeline.reuse import RowSettings, identities, reusable, reusing
from imgprep.pipeline.runner import RunContext, commit_stage, entries, make_shards, part_lines
from imgprep.pipeline.stage_images import OPEN_SHARDS, Images
from imgprep.pipeline.versions import recorded_versions
from imgprep.pipeline.workspace import Workspace
from imgprep.pipeline.writer import ShardWriter, explained
from imgprep.stages.augment.donors import DonorPool, masked
from imgprep.stages.augment.job import AugmentJob
from imgprep.stages.augment.plan import (
    TEST_NAME,
    Batch,
    Copies,
    batches,
    by_split,
    copies_of,
    named_copy,
    with_donors,
)
from imgprep.stages.augment.render import Maker, recipes
from imgprep.stages.augment.settings import AugmentSettings
from imgprep.stages.split.allocate import NAMES, TEST, keys
from imgprep.stages.split.methods import Assignment, class_codes
from imgprep.transforms.compose import Chain
from imgprep.util.versions import versions

STAGE: Final = "augment"
TRANSFORMS: Final = "transforms.jsonl"


@dataclass(frozen=True, slots=True)
class Augmentation:
    """The stage with all its inputs.

    Attributes:
        images: of the convert stage.
        assignment: of the split stage.
        splits: the index of the split stage.
        settings: of the spec.
        seed: of all draws.
        where: file and line of the section, for messages.
    """

    images: Images
    assignment: Assignment
    splits: Manifest
    settings: AugmentSettings
    seed: int
    where: str

    @property
    def recipes(self) -> dict[str, Chain]:
        """Name -> the transforms; '' is the chain of the spec."""
        return recipes(self.settings)

    def fingerprint(self) -> str:
        """A hash of the stage's inputs, without versions."""
        made = {name: [repr(transform) for transform in chain.transforms] for name, chain in self.recipes.items()}
        made_of = self.images.manifest.fingerprint, self.splits.fingerprint
        return fingerprint(made, self.settings.values(), self.settings.stored(), self.seed, made_of)

    def inputs(self) -> dict[str, Any]:
        """See `ExplainedWork.inputs`."""
        made = {name: [repr(transform) for transform in chain.transforms] for name, chain in self.recipes.items()}
        return {
            "versions": versions(),
            "name": self.images.manifest.name,
            "seed": self.seed,
            STAGE: {**self.settings.amounts(), **self.settings.stored(), "transforms": made},
            "convert": {"digest": self.images.manifest.fingerprint},
            "split": {"digest": self.splits.fingerprint},
            **decisions_key(self.images.manifest.decisions),
        }

    def key(self) -> str:
        """A hash of the stage's inputs, to decide what is up to date."""
        return fingerprint(self.inputs())

    def plans(self) -> list[ShardPlan[Copies]]:
        """The shard plans, split by split.

        Raises:
            RequestError: there is no train split.
        """
        if self.assignment.names != NAMES:
            raise RequestError(f"{self.where}: augment: folds have no training images; leave the section out for kfold")
        labels = self._labels()
        made = batches(self.assignment, labels, self.images.table.id, self.settings, self.seed)
        found = [self._with_donors(batch, labels) for batch in made if len(batch.parents)]
        image = self._image()
        row_bytes = int(np.prod(image.shape)) * np.dtype(image.dtype).itemsize
        job = self.key()
        plans: list[ShardPlan[Copies]] = []
        for split, mine in by_split(found).items():
            copies = copies_of(mine, list(self.recipes), self.images, labels)
            count = shard_count(len(copies), row_bytes, self.settings.shard_size)
            names = shard_names(split, count, self.settings.format.suffix)
            for filename, rows in zip(names, cut(np.ones(len(copies), bool), count), strict=True):
                items = copies[rows]
                plans.append(ShardPlan(len(plans), filename, split, items, plan_digest(job, filename, items)))
        return plans

    def job(self, writer: ShardWriter) -> AugmentJob:
        """The job of the workers."""
        settings, targets = self.rows().digest, self.images.targets
        return AugmentJob(self._maker(), self._image(), self.images.manifest.classes, writer, settings, targets=targets)

    def shards(self, context: RunContext) -> tuple[AugmentJob, list[ShardPlan[Copies]]]:
        """See `ShardedWork.shards`."""
        made_of = self.images.manifest
        about = explained(made_of.classes, self._image(), made_of.normalization or {}, self.images.targets)
        plans = self.plans()
        identified = self._identified(context.workspace, plans)
        earlier, plans = reusing(context, self.rows(), identified)
        job = self.job(ShardWriter.for_stage(context.workspace, STAGE, self.settings, about))
        return replace(job, earlier=earlier), plans

    def rows(self) -> RowSettings:
        """The fingerprint that all rows share."""
        return RowSettings(STAGE, fingerprint(versions(), self.seed), self._image())

    def reusable(self, context: RunContext) -> tuple[int, int]:
        """See `ReusingWork.reusable`."""
        plans = self._identified(context.workspace, self.plans())
        keys = [plan.rows.keys for plan in plans if plan.rows is not None]
        found = reusable(context.workspace, self.rows(), np.concatenate(keys)) if keys else 0
        return found, sum(len(plan.items) for plan in plans)

    def _identified(self, workspace: Workspace, plans: list[ShardPlan[Copies]]) -> list[ShardPlan[Copies]]:
        """The plans with the keys of their copies: by the images they are made of, and what is done to them."""
        known = identities(workspace, self.images.manifest)
        starts = self.images.starts()
        chains = [(name, repr(chain.transforms)) for name, chain in self.recipes.items()]
        return [replace(plan, rows=plan.items.row_keys(known, starts, chains)) for plan in plans]

    def run(self, context: RunContext) -> Manifest:
        """Makes the stage.

        Raises:
            RequestError: there is no train split.
            ResourceError: it cannot be written.
        """
        job, plans = self.shards(context)
        for note in self._left_out(plans):
            context.monitor.note(note)
        records = make_shards(context, STAGE, job, plans)
        manifest = self._manifest(records, plans)
        commit(context.workspace.stage(STAGE) / TRANSFORMS, _lines(context, plans, explained=True))
        return commit_stage(context, manifest, self.key(), _lines(context, plans, explained=False), [TRANSFORMS])

    def rebuild(self, id_: str) -> NDArray[Any]:
        """Makes one copy, whether or not the stage has been made.

        Args:
            id_: of the copy: ``apple/0001.jpg#3``, ``apple/0001.jpg#inverted``; any copy number, also beyond the
                amounts of the spec.

        Returns:
            (H, W, C) the pixels, as the stage stores them.

        Raises:
            RequestError: there is no such parent or recipe.
        """
        parent, _, suffix = id_.rpartition("#")
        recipe, number = named_copy(suffix)
        if number < 1 or recipe not in self.recipes:
            known = ", ".join(f"PARENT#{name or 1}" for name in self.recipes)
            raise RequestError(f"{id_}: is not the id of a copy; ids look like {known}")
        row = next((row for row, found in enumerate(self.images.table.id) if found == parent), None)
        if row is None:
            raise RequestError(f"{id_}: there is no image {parent!r} among those that were converted")
        labels, one = self._labels(), np.ones(1, np.int64)
        batch = self._with_donors(Batch("", recipe, row * one, number * one), labels)
        if not len(batch.parents):
            raise RequestError(f"{id_}: {parent!r} has no mask that shows an object on a background")
        maker = self._maker()
        with maker.shards.opened(OPEN_SHARDS) as shards:
            return maker.make(shards, copies_of([batch], list(self.recipes), self.images, labels), 0)[0]

    def _maker(self) -> Maker:
        return Maker(self.images.shards(), self.recipes, self.seed)

    def _with_donors(self, batch: Batch, labels: NDArray[np.int64]) -> Batch:
        """The batch with donors from the test split, where its recipe needs them.

        Raises:
            RequestError: there are too few masks.
        """
        if not self.recipes[batch.recipe].needs_donor:
            return batch
        ids = self.images.table.id
        test = self.assignment.codes == TEST
        try:
            pool = DonorPool.of(
                test, masked(self.images.folder), labels, lambda rows: keys([ids[row] for row in rows], self.seed)
            )
        except RequestError as error:
            raise RequestError(f"{self.where}: augment.stress: {batch.recipe}: {error}") from None
        return with_donors(batch, pool, labels, ids, self.seed)

    def _left_out(self, plans: list[ShardPlan[Copies]]) -> Iterator[str]:
        """Notes on stress sets that are smaller than the test split."""
        tests = int((self.assignment.codes == TEST).sum())
        made = Counter({plan.split: 0 for plan in plans})
        for plan in plans:
            made[plan.split] += len(plan.items)
        for recipe in self.settings.stress_names:
            missing = tests - made[f"{TEST_NAME}-{recipe}"]
            if missing:
                yield (
                    f"{TEST_NAME}-{recipe}: {missing} of {tests} test images have no mask that shows an object on a "
                    "background, and are left out"
                )

    def _labels(self) -> NDArray[np.int64]:
        return class_codes(self.images.table.label, self.images.manifest.classes)

    def _image(self) -> ImageFormat:
        if self.images.manifest.image is None:
            raise ValueError("the convert stage has no images")
        return self.images.manifest.image

    def _manifest(self, records: list[ShardRecord], plans: list[ShardPlan[Copies]]) -> Manifest:
        made_of = self.images.manifest
        counts: dict[str, Counter[str]] = {}
        for record in records:
            counts.setdefault(record.split or "", Counter()).update(record.counts)
        made = sum(record.samples for record in records)
        columns = joined_columns((plan.split or "", plan.items.targets) for plan in plans)
        return replace(
            made_of,
            stage=STAGE,
            counts={split: {name: count[name] for name in made_of.classes} for split, count in counts.items()},
            samples={**made_of.samples, AUGMENTED: made},
            seed=self.seed,
            fingerprint=self.fingerprint(),
            versions=recorded_versions(),
            shards=entries(records),
            targets=described(self.images.targets, columns),
        )


def _lines(context: RunContext, plans: list[ShardPlan[Copies]], *, explained: bool) -> Iterator[bytes]:
    """The lines of transforms.jsonl, or those of samples.jsonl."""
    for record, details in map(SampleRecord.parse_with_details, part_lines(context, STAGE, plans)):
        yield json_line({"id": record.id, "parent": record.parent} | details) if explained else record.line()
