"""features: runs a network over the images of every split and stores what one of its layers says of each."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.manifest import Manifest, fingerprint
from imgprep.dataset.row_format import FEATURE, FeatureFormat, ImageFormat
from imgprep.engines.base import Heartbeat
from imgprep.errors import RequestError, ResourceError, one_line
from imgprep.pipeline.plan import ShardPlan, ShardRecord, shard_count
from imgprep.pipeline.runner import RunContext, commit_stage, make_shards
from imgprep.pipeline.shard_job import ShardJob, columns, record_of
from imgprep.pipeline.writer import ShardWriter, explained
from imgprep.stages.features.model_file import LoadedNetworks, ModelFile, TrialPlan, Tried, tried
from imgprep.stages.features.onnx import ModelError
from imgprep.stages.features.settings import FeaturesSettings
from imgprep.stages.pack.image_shards import ImageShards
from imgprep.stages.pack.selection import SelectedRows, Selection
from imgprep.stages.pack.split_images import SplitImages, shard_plans
from imgprep.table.label_type import label_dtype
from imgprep.transforms.fit import Fit
from imgprep.transforms.normalize import Normalizer, fit_normalizer
from imgprep.util.versions import versions

STAGE: Final = "features"
MOST: Final = 64
"""Shards of a split that are made so that all workers have some."""
FEWEST: Final = 64
"""Rows of such a shard."""


@dataclass(frozen=True, slots=True)
class FeaturesJob(ShardJob[Selection]):
    """Makes one shard of the stage.

    Attributes:
        rows: where the images are.
        model: the network.
        length: numbers for each image.
        given: height, width and channels of what it is given.
        fit: brings images to the size that the network is given.
        normalizer: of the levels.
        settings: of the spec.
        classes: in index order.
        writer: writes the shard.
        networks: the network as a worker has loaded it.
    """

    rows: ImageShards
    model: ModelFile
    length: int
    given: tuple[int, int, int]
    fit: Fit
    normalizer: Normalizer
    settings: FeaturesSettings
    classes: tuple[str, ...]
    writer: ShardWriter
    networks: LoadedNetworks = field(default_factory=LoadedNetworks, repr=False, compare=False)

    def make(self, plan: ShardPlan[Selection], heartbeat: Heartbeat) -> ShardRecord:
        """Makes the shard.

        Raises:
            ModelError: the network cannot be run, or gives numbers that are not finite.
            SourceError: a shard of an earlier stage is damaged.
            ResourceError: an image takes too long or too much memory, or the file cannot be written.
        """
        selected = plan.items.columns()
        for item, reason in plan.excluded.items():
            raise ResourceError(f"{STAGE}: {one_line(selected.id[item])}: {reason}; a smaller network would do")
        heartbeat.at(0)
        features = self._features(selected, heartbeat)
        heartbeat.done()
        labels = selected.label.astype(label_dtype(len(self.classes)))
        arrays = columns(features, labels, selected.id, selected.parent, array=FEATURE)
        arrays |= selected.targets
        return self.writer.write(record_of(plan, selected.label, self.classes), arrays)

    def _features(self, selected: SelectedRows, heartbeat: Heartbeat) -> NDArray[np.float32]:
        """(N, D) the features of N rows."""
        network = self.networks.get(self.model, self.given)
        features: NDArray[np.float32] = self.writer.buffer.rows((len(selected), self.length), "float32")

        def begin(item: int) -> None:
            if item:  # the first has begun already
                heartbeat.at(item)

        with self.rows.opened() as image_of:
            for start in range(0, len(selected), self.settings.batch):
                items = range(start, min(start + self.settings.batch, len(selected)))
                images: Any = np.stack([self.fit(image_of(selected, item)) for item in items])
                found = network.run(self.normalizer(images, np.float32), begin, start)
                _check_finite(found, selected.id[items.start : items.stop], network.name)
                features[items.start : items.stop] = found
        return features


def _check_finite(features: NDArray[np.float32], ids: Sequence[str], name: str) -> None:
    wrong = ~np.isfinite(features).all(axis=1)
    if wrong.any():
        id_ = one_line(ids[int(wrong.argmax())])
        raise ModelError(f"{name}: gives numbers that are not finite for {id_}; is features.normalize what it needs?")


@dataclass(frozen=True, slots=True)
class Features:
    """The stage with all its inputs.

    Attributes:
        made_of: the images of all splits.
        model: the network.
        settings: of the spec.
        shuffle: whether the rows are in the order of a shuffled pack stage, or of the source.
        refuse: makes the error about a key of the spec.
    """

    made_of: SplitImages
    model: ModelFile
    settings: FeaturesSettings
    shuffle: bool
    refuse: Callable[..., RequestError]

    def values(self) -> dict[str, Any]:
        """The settings as plain values for a fingerprint."""
        return self.settings.values() | {"shuffle": self.shuffle, "model": {"digest": self.model.sha256}}

    def fingerprint(self) -> str:
        """A hash of the dataset's inputs, without versions."""
        return self.made_of.fingerprint(self.values(), self.settings)

    def inputs(self) -> dict[str, Any]:
        """See `ExplainedWork.inputs`."""
        return self.made_of.inputs(STAGE, self.values() | self.settings.stored())

    def key(self) -> str:
        """A hash of the stage's inputs, to decide what is up to date."""
        return fingerprint(self.inputs())

    def run(self, context: RunContext) -> Manifest:
        """Makes the stage.

        Raises:
            RequestError: the network does not fit the images.
            ResourceError: it cannot be written.
        """
        job, plans, found = self._shards(context, remember=True)
        try:
            records = make_shards(context, STAGE, job, plans)
        except ModelError as error:
            raise self.refuse(str(error), STAGE, error.key) from None
        made = self.made_of.manifest(STAGE, self.fingerprint(), records, plans)
        manifest = replace(
            made,
            image=None,
            feature=self._format(found),
            labels={"encoding": "index", "dtype": label_dtype(len(made.classes)).name, "layout": "flat"},
            normalization=job.normalizer.statistics(),
        )
        return commit_stage(context, manifest, self.key(), self.made_of.lines(plans, _rows))

    def shards(self, context: RunContext) -> tuple[FeaturesJob, list[ShardPlan[Selection]]]:
        """See `ShardedWork.shards`."""
        return self._shards(context)[:2]

    def _shards(
        self, context: RunContext, *, remember: bool = False
    ) -> tuple[FeaturesJob, list[ShardPlan[Selection]], Tried]:
        """As `shards`, and what the network gives."""
        image, settings, classes = self.made_of.image, self.settings, self.made_of.images.manifest.classes
        normalizer = normalizer_for(settings, image)
        seen = ImageFormat(given(settings, image), "float32", normalizer.color_order)
        found = trial(context, self.model, seen.shape, self.refuse, remember=remember)
        about = explained(classes, seen, normalizer.statistics(), self.made_of.images.targets)
        about |= {"network": json.dumps(self._format(found).network, ensure_ascii=False)}
        writer = ShardWriter.for_stage(context.workspace, STAGE, settings, about)
        job = FeaturesJob(
            self.made_of.shards(),
            replace(self.model, output=found.tensor),
            found.length,
            seen.shape,
            Fit(size=seen.shape[:2]),
            normalizer,
            settings,
            classes,
            writer,
        )
        digest = fingerprint(versions(), self.fingerprint())
        chosen = self.made_of.selected(shuffle=self.shuffle)
        count = partial(shards_of_features, length=found.length, shard_size=settings.shard_size)
        return job, shard_plans(chosen, count, settings, digest), found

    def _format(self, found: Tried) -> FeatureFormat:
        network: dict[str, Any] = {
            "file": self.model.path.name,
            "sha256": self.model.sha256,
            "output": found.tensor,
            "size": list(given(self.settings, self.made_of.image)[:2]),
        }
        return FeatureFormat((found.length,), network=network)


def shards_of_features(rows: int, length: int, shard_size: int) -> int:
    """The number of shards for the features of a number of images.

    Features are small and take long: by their bytes alone one worker would make them all. So there are up to `MOST`
    shards, as long as each has as many rows as make the loading of the network worth while.

    >>> [shards_of_features(rows, 512, 64 << 20) for rows in (63, 640, 10**6)]
    [1, 10, 64]
    """
    return max(shard_count(rows, 4 * length, shard_size), min(MOST, rows // FEWEST))


def _rows(plan: ShardPlan[Selection]) -> NDArray[np.int64]:
    return np.arange(len(plan.items))


def given(settings: FeaturesSettings, image: ImageFormat) -> tuple[int, int, int]:
    """Height, width and channels of what the network is given."""
    height, width = settings.size or image.shape[:2]
    return height, width, image.shape[2]


def normalizer_for(settings: FeaturesSettings, image: ImageFormat) -> Normalizer:
    """The normalisation of the levels of images.

    Raises:
        RequestError: they do not have the channels that it needs.
    """
    normalizer = fit_normalizer(settings.kind, None, 8 * np.dtype(image.dtype).itemsize)
    normalizer.check(np.dtype(np.float32), image.shape[2])
    return normalizer


def trial(
    context: RunContext,
    model: ModelFile,
    image: tuple[int, int, int],
    refuse: Callable[..., RequestError],
    *,
    remember: bool = False,
) -> Tried:
    """Tries the network over an image; see `tried`.

    Raises:
        RequestError: it cannot be run over such images.
    """
    try:
        return tried(context, TrialPlan(model, image), remember=remember)
    except ModelError as error:
        raise refuse(str(error), STAGE, error.key) from None
