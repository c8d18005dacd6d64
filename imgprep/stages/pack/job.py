"""The work on one shard of the pack stage. Workers that do it need no pydantic, so it holds no settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgprep.engines.base import Heartbeat
from imgprep.pipeline.plan import ShardPlan, ShardRecord
from imgprep.pipeline.shard_job import ShardJob, columns, record_of
from imgprep.pipeline.writer import ShardWriter
from imgprep.stages.pack.image_shards import ImageShards
from imgprep.stages.pack.selection import SelectedRows, Selection
from imgprep.table.label_type import label_dtype
from imgprep.transforms.normalize import Normalizer

_BLOCK_BYTES = 2 << 20
"""Stored pixels that are normalised in one go: so few that they are still in the processor's cache."""


@dataclass(frozen=True, slots=True)
class PackJob(ShardJob[Selection]):
    """Makes one shard of the stage.

    Attributes:
        rows: where the images are.
        normalizer: fitted to the training images.
        layout: ``flat``, or ``by_class`` for a group of each class.
        dtype: of the packed images.
        labels: ``index`` or ``one_hot``.
        classes: in index order.
        writer: writes the shard.
    """

    rows: ImageShards
    normalizer: Normalizer
    layout: str
    dtype: str
    labels: str
    classes: tuple[str, ...]
    writer: ShardWriter

    def make(self, plan: ShardPlan[Selection], heartbeat: Heartbeat) -> ShardRecord:
        """Makes the shard.

        Raises:
            SourceError: a shard of an earlier stage is damaged.
            ResourceError: the file cannot be written.
        """
        selected = plan.items.columns()
        arrays = self._columns(selected, self._images(selected, heartbeat))
        attributes: Mapping[str, Mapping[str, str]] = {}
        if self.layout == "by_class":
            arrays, attributes = _by_class(arrays, selected.label, self.classes)
        return self.writer.write(record_of(plan, selected.label, self.classes), arrays, attributes)

    def _images(self, selected: SelectedRows, heartbeat: Heartbeat) -> NDArray[Any]:
        """(N, H, W, C) the normalised images; the stored ones are read some at a time."""
        image = self.rows.image
        images = self.writer.buffer.rows((len(selected), *image.shape), self.dtype)
        plain = self.normalizer.kind == "none" and images.dtype == image.dtype
        block = (
            len(selected)
            if plain
            else max(1, _BLOCK_BYTES // (int(np.prod(image.shape)) * np.dtype(image.dtype).itemsize))
        )
        stored = images if plain else np.empty((block, *image.shape), image.dtype)
        with self.rows.opened() as image_of:
            for start in range(0, len(selected), max(1, block)):
                part = images[start : start + block]
                for place in range(len(part)):
                    heartbeat.at(start + place)
                    stored[place] = image_of(selected, start + place)
                if not plain:
                    self.normalizer.into(stored[: len(part)], part)
        heartbeat.done()
        return images

    def _columns(self, selected: SelectedRows, images: NDArray[Any]) -> dict[str, NDArray[Any]]:
        labels = selected.label.astype(label_dtype(len(self.classes)))
        if self.labels == "one_hot":
            labels = np.eye(len(self.classes), dtype=np.uint8)[selected.label]
        return columns(images, labels, selected.id, selected.parent) | dict(selected.targets)


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
