"""From a sample to the pixels of a row: read, decode, and what the spec does to every image."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from imgprep.decoding.damage import quiet_stderr
from imgprep.engines.base import Cursor
from imgprep.errors import ImageError, TransientError
from imgprep.manifest import ImageFormat
from imgprep.sample import Sample, SampleTable
from imgprep.stages.loading import ImageReader, Pixels
from imgprep.stages.plan import ShardPlan

Operation = Callable[[Pixels], Pixels]


class Prepared(NamedTuple):
    """The outcome for one item: pixels, or the reason why there are none, and whether that may pass."""

    pixels: Pixels | None
    flags: tuple[str, ...] = ()
    sha256: str | None = None
    reason: str = ""
    transient: bool = False


@dataclass(frozen=True, slots=True)
class Prepare:
    """Reads, decodes and prepares one sample.

    Attributes:
        reader: of the source.
        operations: what is done to the pixels, in order; picklable.
        image: what every result looks like, where the operations alone decide it.
    """

    reader: ImageReader
    operations: tuple[Operation, ...]
    image: ImageFormat | None = None

    def over(
        self, samples: SampleTable, excluded: Mapping[int, str], cursor: Cursor
    ) -> Iterator[tuple[Sample, Prepared]]:
        """Every sample with its outcome; one image at a time is in memory."""
        with quiet_stderr():
            for item, sample in enumerate(samples):
                cursor.at(item)
                if item in excluded or sample.status != "ok":
                    yield sample, Prepared(None, reason=excluded.get(item, sample.reason))
                    continue
                try:
                    image, flags, sha256 = self.reader(sample)
                except ImageError as error:
                    yield sample, Prepared(None, reason=str(error), transient=isinstance(error, TransientError))
                    continue
                try:
                    for operation in self.operations:
                        image = operation(image)
                except MemoryError:
                    yield sample, Prepared(None, flags, sha256, "needs more memory than execution.memory_limit allows")
                    continue
                yield sample, Prepared(image, flags, sha256)
            cursor.done()


@dataclass(frozen=True, slots=True)
class Probe:
    """A job that finds out what the first usable image of a plan looks like when it is prepared."""

    prepare: Prepare

    def __call__(self, plan: ShardPlan[SampleTable], cursor: Cursor) -> tuple[str, ImageFormat] | None:
        """The id and format of the first usable image; None when there is none."""
        for sample, prepared in self.prepare.over(plan.items, plan.excluded, cursor):
            if prepared.pixels is not None:
                height, width, channels = prepared.pixels.shape
                return sample.id, ImageFormat((height, width, channels), prepared.pixels.dtype.name)
        return None
