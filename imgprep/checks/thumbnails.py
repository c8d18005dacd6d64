"""Thumbnails for the pages of the audit: made in the workers, cached while their file does not change."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from imgprep.dataset.manifest import commit, fingerprint
from imgprep.engines.base import Heartbeat
from imgprep.pipeline.chunk_cache import keep_only
from imgprep.pipeline.image_loop import Fault, over_images
from imgprep.pipeline.image_reader import ImageReader, Pixels
from imgprep.pipeline.plan import ShardPlan
from imgprep.pipeline.runner import RunContext, results
from imgprep.table.sample import Sample, SampleTable
from imgprep.transforms.channels import to_depth, to_rgb

SIDE: Final = 96
QUALITY: Final = 82
CHUNK: Final = 64
WHAT: Final = "thumbnails"


@dataclass(frozen=True, slots=True)
class ThumbnailJob:
    """Makes the thumbnails of a chunk; an image that cannot be read has none.

    Attributes:
        reader: of the source.
        folder: where thumbnails are kept.
        job: what their names depend on besides the sample.
        side: the longest side, in pixels.
    """

    reader: ImageReader
    folder: Path
    job: str
    side: int = SIDE

    def __call__(self, plan: ShardPlan[SampleTable], heartbeat: Heartbeat) -> None:
        """Reads, reduces and writes."""
        reader = self.reader.reusing_memory()
        loop = over_images(
            plan.items,
            plan.excluded,
            heartbeat,
            lambda one: thumbnail(reader.scaled(one, self.side)[0].pixels, self.side),
        )
        for _, sample, data in loop:
            if not isinstance(data, Fault):
                commit(self.folder / _name(self.job, sample), [data], durable=False)


def thumbnails(
    context: RunContext, reader: ImageReader, chosen: SampleTable, what: str = "source", side: int = SIDE
) -> dict[str, bytes]:
    """The thumbnails of some images, by id.

    Args:
        context: where it runs.
        reader: of the source.
        chosen: the images; a bounded number, for all are held in memory.
        what: the name of these images; those of another name are cached separately.
        side: the longest side, in pixels.

    Returns:
        JPEG files of at most ``side`` x ``side`` pixels; images that cannot be read are left out.
    """
    folder = context.workspace.private / WHAT / what
    folder.mkdir(parents=True, exist_ok=True)
    job = fingerprint(side, QUALITY, reader.options, reader.source.digest())
    names = {_name(job, sample): sample.id for sample in chosen}
    there = keep_only(folder, names)
    rows = np.array([row for row, name in enumerate(names) if name not in there], np.intp)
    missing = chosen[rows]
    plans = [
        ShardPlan(index, "", None, missing[start : start + CHUNK], "")
        for index, start in enumerate(range(0, len(missing), CHUNK))
    ]
    if plans:
        for _ in results(context, ThumbnailJob(reader, folder, job, side), plans, WHAT, len(missing)):
            pass
    return {id_: (folder / name).read_bytes() for name, id_ in names.items() if (folder / name).exists()}


def thumbnail(pixels: Pixels, side: int = SIDE) -> bytes:
    """A JPEG file of an image, reduced to some pixels on its long side; a smaller image keeps its size.

    Args:
        pixels: (H, W, 1) grey or (H, W, 3) RGB, uint8 or uint16.
        side: the longest side, in pixels.
    """
    factor = min(1.0, side / max(pixels.shape[:2]))
    if factor < 1:
        height, width = (max(1, round(length * factor)) for length in pixels.shape[:2])
        small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        pixels = small.reshape(height, width, pixels.shape[2])  # type: ignore[assignment]
    color = cv2.cvtColor(np.ascontiguousarray(to_rgb(to_depth(pixels, 8))), cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", color, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes()


def _name(job: str, sample: Sample) -> str:
    return f"{fingerprint(job, sample.location, sample.stamp)}.jpg"
