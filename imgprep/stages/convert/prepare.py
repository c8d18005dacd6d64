"""Turns a sample into the pixels of a row: reads, decodes and applies the steps of the spec."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from imgprep.dataset.manifest import MASKED, ImageFormat
from imgprep.engines.base import Heartbeat
from imgprep.errors import ImageError, TransientError
from imgprep.pipeline.image_reader import NO_MEMORY, ImageReader, Mask, Pixels
from imgprep.pipeline.plan import ShardPlan
from imgprep.table.sample import Sample, SampleTable
from imgprep.transforms.masks import tells_apart

Operation = Callable[[Pixels], Pixels]


class Prepared(NamedTuple):
    """The outcome for one item: its pixels, or the reason why there are none and whether that is transient.

    The mask is None unless one is read and shows both object and background.
    """

    pixels: Pixels | None
    flags: tuple[str, ...] = ()
    sha256: str | None = None
    reason: str = ""
    transient: bool = False
    mask: Mask | None = None


@dataclass(frozen=True, slots=True)
class Prepare:
    """Reads, decodes and prepares one sample.

    Attributes:
        reader: of the source.
        operations: applied to the pixels in order; picklable.
        image: format of every result; None where it depends on the images.
        mask_operations: applied to a mask, so that its pixels stay aligned with the image's.
    """

    reader: ImageReader
    operations: tuple[Operation, ...]
    image: ImageFormat | None = None
    mask_operations: tuple[Operation, ...] = ()

    def over(
        self, samples: SampleTable, excluded: Mapping[int, str], heartbeat: Heartbeat
    ) -> Iterator[tuple[Sample, Prepared]]:
        """Yields every sample with its outcome; an image is valid only until the next one is read."""
        reader = self.reader.reusing_memory()
        for item, sample in enumerate(samples):
            heartbeat.at(item)
            if item in excluded:
                # Its worker died or exceeded the deadline: another run may have more time or memory.
                yield sample, Prepared(None, reason=excluded[item], transient=sample.status == "ok")
                continue
            if sample.status != "ok":
                yield sample, Prepared(None, reason=sample.reason)
                continue
            try:
                image, flags, sha256, mask = reader(sample)
            except ImageError as error:
                yield sample, Prepared(None, reason=str(error), transient=isinstance(error, TransientError))
                continue
            try:
                for operation in self.operations:
                    image = operation(image)
                mask = None if mask is None else self._transformed(mask)
            except ImageError as error:
                yield sample, Prepared(None, flags, sha256, str(error), transient=isinstance(error, TransientError))
                continue
            except MemoryError:
                yield sample, Prepared(None, flags, sha256, NO_MEMORY, transient=True)
                continue
            if mask is not None:
                flags = tuple(sorted((*flags, MASKED)))
            yield sample, Prepared(image, flags, sha256, mask=mask)
        heartbeat.done()

    def _transformed(self, mask: Mask) -> Mask | None:
        pixels = transform_mask(mask.pixels, self.mask_operations)
        return None if pixels is None else mask._replace(pixels=pixels)


def transform_mask(mask: Pixels, operations: Iterable[Operation]) -> Pixels | None:
    """Applies operations to a mask (H, W, 1); None when the result shows only object or only background."""
    for operation in operations:
        mask = operation(mask)
    return mask if tells_apart(mask) else None


@dataclass(frozen=True, slots=True)
class Probe:
    """A job that finds the format of the first usable image of a plan after preparation."""

    prepare: Prepare

    def __call__(self, plan: ShardPlan[SampleTable], heartbeat: Heartbeat) -> tuple[str, ImageFormat] | None:
        """(id, format) of the first usable image; None when there is none."""
        for sample, prepared in self.prepare.over(plan.items, plan.excluded, heartbeat):
            if prepared.pixels is not None:
                height, width, channels = prepared.pixels.shape
                return sample.id, ImageFormat((height, width, channels), prepared.pixels.dtype.name)
        return None
