"""Thumbnails for the pages of the audit: made in the workers, cached while their file does not change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
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
        files: the name there of the thumbnail of each image, by its id.
        side: the longest side, in pixels.
    """

    reader: ImageReader
    folder: Path
    files: Mapping[str, str]
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
                commit(self.folder / self.files[sample.id], [data], durable=False)


def thumbnails(
    context: RunContext,
    reader: ImageReader,
    chosen: SampleTable,
    what: str = "source",
    side: int = SIDE,
    contents: Sequence[bytes] = (),
) -> dict[str, bytes]:
    """The thumbnails of some images, by id.

    Args:
        context: where it runs.
        reader: of the source.
        chosen: the images; a bounded number, for all are held in memory.
        what: the name of these images; those of another name are cached separately.
        side: the longest side, in pixels.
        contents: of each image what it shares only with images of the same content, which have one thumbnail; b'' where
            that is not known.

    Returns:
        JPEG files of at most ``side`` x ``side`` pixels; images that cannot be read are left out.
    """
    folder = context.workspace.private / WHAT / what
    folder.mkdir(parents=True, exist_ok=True)
    job = fingerprint(side, QUALITY, reader.options, reader.source.digest())
    names = [
        _name(job, sample, content)
        for sample, content in zip(chosen, contents or repeat(b"", len(chosen)), strict=True)
    ]
    there = keep_only(folder, {*names})
    first = {name: row for row, name in reversed([*enumerate(names)]) if name not in there}
    missing = chosen[np.sort(np.fromiter(first.values(), np.intp, len(first)))]
    plans = [
        ShardPlan(index, "", None, missing[start : start + CHUNK], "")
        for index, start in enumerate(range(0, len(missing), CHUNK))
    ]
    if plans:
        files = {chosen.id[row]: name for name, row in first.items()}
        for _ in results(context, ThumbnailJob(reader, folder, files, side), plans, WHAT, len(missing)):
            pass
    return {
        id_: (folder / name).read_bytes()
        for id_, name in zip(chosen.id, names, strict=True)
        if (folder / name).exists()
    }


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


def _name(job: str, sample: Sample, content: bytes) -> str:
    made_of = (content.hex(),) if content else (sample.location, sample.stamp)
    return f"{fingerprint(job, *made_of)}.jpg"
