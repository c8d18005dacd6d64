"""pack: writes normalised, label-encoded, shuffled shards for each split, ready for training."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.manifest import Manifest, fingerprint
from imgprep.dataset.row_format import ImageFormat
from imgprep.pipeline.plan import ShardPlan, shard_count
from imgprep.pipeline.runner import RunContext, commit_stage, make_shards
from imgprep.pipeline.writer import ShardWriter, explained
from imgprep.stages.pack.job import PackJob
from imgprep.stages.pack.selection import Selection
from imgprep.stages.pack.settings import PackSettings
from imgprep.stages.pack.split_images import SplitImages, shard_plans
from imgprep.stages.pack.statistics import fitted
from imgprep.stages.split.allocate import TRAIN_NAME
from imgprep.table.label_type import label_dtype
from imgprep.transforms.normalize import Normalizer
from imgprep.util.versions import versions

STAGE = "pack"


@dataclass(frozen=True, slots=True)
class Packing:
    """The stage with all its inputs.

    Attributes:
        made_of: the images of all splits.
        settings: of the spec.
    """

    made_of: SplitImages
    settings: PackSettings

    def fingerprint(self) -> str:
        """A hash of the dataset's inputs, without versions."""
        return self.made_of.fingerprint(self.settings.values(), self.settings)

    def inputs(self) -> dict[str, Any]:
        """See `ExplainedWork.inputs`."""
        return self.made_of.inputs(STAGE, self.settings.values() | self.settings.stored())

    def key(self) -> str:
        """A hash of the stage's inputs, to decide what is up to date."""
        return fingerprint(self.inputs())

    def run(self, context: RunContext) -> Manifest:
        """Makes the stage.

        Raises:
            RequestError: the settings do not fit the images.
            ResourceError: it cannot be written.
        """
        job, plans, fitted_on = self._shards(context)
        records = make_shards(context, STAGE, job, plans)
        made = self.made_of.manifest(STAGE, self.fingerprint(), records, plans)
        manifest = self._manifest(made, job.normalizer, fitted_on)
        return commit_stage(context, manifest, self.key(), self.made_of.lines(plans, self._rows))

    def shards(self, context: RunContext) -> tuple[PackJob, list[ShardPlan[Selection]]]:
        """See `ShardedWork.shards`."""
        return self._shards(context)[:2]

    def _shards(self, context: RunContext) -> tuple[PackJob, list[ShardPlan[Selection]], dict[str, Any]]:
        """As `shards`, and what the statistics were taken from."""
        settings, classes = self.settings, self.made_of.images.manifest.classes
        chosen, rows = self.made_of.selected(shuffle=settings.shuffle), self.made_of.shards()
        depth, train = 8 * np.dtype(rows.image.dtype).itemsize, chosen.get(TRAIN_NAME)
        normalizer, fitted_on = fitted(context, rows.shards, train, (settings.kind, settings.statistics), depth)
        normalizer.check(np.dtype(settings.dtype), rows.image.shape[2])
        image = ImageFormat(rows.image.shape, settings.dtype, normalizer.color_order)
        statistics = normalizer.statistics() | fitted_on
        about = explained(classes, image, statistics, self.made_of.images.targets)
        writer = ShardWriter.for_stage(context.workspace, STAGE, settings, about)
        job = PackJob(rows, normalizer, settings.layout, settings.dtype, settings.labels, classes, writer)
        row_bytes = int(np.prod(image.shape)) * np.dtype(image.dtype).itemsize
        count = partial(shard_count, row_bytes=row_bytes, shard_size=settings.shard_size)
        arrange = Selection.grouped if settings.layout == "by_class" else None
        digest = fingerprint(versions(), self.fingerprint())
        return job, shard_plans(chosen, count, settings, digest, arrange), fitted_on

    def _manifest(self, made: Manifest, normalizer: Normalizer, fitted_on: dict[str, Any]) -> Manifest:
        width = np.dtype(np.uint8) if self.settings.labels == "one_hot" else label_dtype(len(made.classes))
        return replace(
            made,
            image=ImageFormat(self.made_of.image.shape, self.settings.dtype, normalizer.color_order),
            labels={"encoding": self.settings.labels, "dtype": width.name, "layout": self.settings.layout},
            normalization=normalizer.statistics() | fitted_on,
        )

    def _rows(self, plan: ShardPlan[Selection]) -> NDArray[np.int64]:
        """(N,) the row of each item, in the shard or in the group of its class."""
        rows = np.arange(len(plan.items))
        if self.settings.layout == "flat":
            return rows
        _, starts, inverse = np.unique(plan.items.label(), return_index=True, return_inverse=True)
        return np.asarray(rows - starts[inverse.reshape(-1)])
