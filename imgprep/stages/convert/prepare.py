"""Turns a sample into the pixels of a row: reads, decodes and applies the steps of the spec."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np

from imgprep.dataset.manifest import MASKED
from imgprep.dataset.row_format import ImageFormat
from imgprep.decoding.scaled_image import ScaledImage
from imgprep.engines.base import Heartbeat
from imgprep.pipeline.image_loop import Fault, attempt, counted, outcome
from imgprep.pipeline.image_reader import Content, ImageReader, Mask, Pixels
from imgprep.pipeline.plan import ShardPlan
from imgprep.pipeline.row_records import KEY, hash_of
from imgprep.stages.convert.dark_levels import Levels, dark_levels
from imgprep.table.sample import Sample, SampleTable
from imgprep.transforms.masks import tells_apart

Operation = Callable[[Pixels], Pixels]


class Prepared(NamedTuple):
    """The outcome for one item: its pixels, or the reason why there are none and whether that is transient.

    The mask is None unless one is read and shows both object and background. Of an image that uses only the lowest part
    of its depth, though the spec says no range, dark are the levels as they were read. Content is the `content_hash` of
    what it was read from; b'' for a file, of which the digest says the same. A row that was copied has the checksum of
    image and mask; of any other it is None.
    """

    pixels: Pixels | None
    flags: tuple[str, ...] = ()
    sha256: str | None = None
    reason: str = ""
    transient: bool = False
    mask: Mask | None = None
    dark: Levels | None = None
    content: bytes = b""
    checksum: int | None = None


class Known(Protocol):
    """Images whose outcome is known from an earlier run."""

    def of(self, content: Content, sample: Sample) -> Prepared | None:
        """The outcome for an image that was read; None where it has to be decoded."""
        ...


class Observer(Protocol):
    """Looks at the images that are prepared, so that they are read and decoded once for both."""

    def look(self, reader: ImageReader, sample: Sample, content: Content) -> ScaledImage | None:
        """Looks at an image that was read.

        Returns:
            What the reader decoded last for it; None where it decoded nothing.

        Raises:
            ImageError: it cannot be used, and is not prepared either.
        """
        ...

    def failed(self, sample: Sample, fault: Fault) -> None:
        """Hears of an image that cannot be used, or is not to be."""
        ...


def content_hash(content: Content) -> bytes:
    """A hash of what an image is read from: pixels are told from files, and from those of another shape."""
    data, sha256 = content
    if isinstance(data, np.ndarray):
        return hash_of(f"{data.shape} {data.dtype}".encode(), bytes.fromhex(sha256))
    return file_hash(sha256)


def file_hash(sha256: str) -> bytes:
    """The `content_hash` of a file, of which the SHA-256 is given in hexadecimal."""
    return bytes.fromhex(sha256)[:KEY]


@dataclass(frozen=True, slots=True)
class Prepare:
    """Reads, decodes and prepares one sample.

    Attributes:
        reader: of the source.
        operations: applied to the pixels in order; picklable.
        image: format of every result; None where it depends on the images.
        mask_operations: applied to a mask, so that its pixels stay aligned with the image's.
        unchanged: format of the images that the operations leave as they are; None for no such images.
        observer: looks at the images too; None for nothing.
    """

    reader: ImageReader
    operations: tuple[Operation, ...]
    image: ImageFormat | None = None
    mask_operations: tuple[Operation, ...] = ()
    unchanged: ImageFormat | None = None
    observer: Observer | None = None

    def over(
        self, samples: SampleTable, excluded: Mapping[int, str], heartbeat: Heartbeat
    ) -> Iterator[tuple[Sample, Prepared]]:
        """Yields every sample with its outcome; an image is valid only until the next one is read."""
        prepare = self.one_by_one(excluded)
        for item, sample in counted(samples, heartbeat):
            yield sample, prepare(item, sample)

    def one_by_one(self, excluded: Mapping[int, str], known: Known | None = None) -> Callable[[int, Sample], Prepared]:
        """What gives the outcome for one item after another; an image is valid only until the next one is read.

        Args:
            excluded: see `image_loop.outcome`.
            known: of an earlier run; None without one.
        """
        unchanged = None if self.unchanged is None else (self.unchanged.shape, np.dtype(self.unchanged.dtype))
        process = partial(self._prepared, self.reader.reusing_memory(), known, unchanged)

        def prepare(item: int, sample: Sample) -> Prepared:
            found = outcome(item, sample, excluded, process)
            if not isinstance(found, Fault):
                return found
            if self.observer is not None:
                self.observer.failed(sample, found)
            return Prepared(None, reason=found.reason, transient=found.transient)

        return prepare

    def _prepared(self, reader: ImageReader, known: Known | None, unchanged: object, sample: Sample) -> Prepared:
        """One image; where only a step fails, its flags and digest are known."""
        content = reader.content(sample)
        if known is not None and (same := known.of(content, sample)) is not None:
            return same
        last = None if self.observer is None else self.observer.look(reader, sample, content)
        image, flags, sha256, mask = reader.loaded(sample, content, last)
        dark = dark_levels(image) if reader.options.values is None else None
        if mask is not None or (image.shape, image.dtype) != unchanged:
            found = attempt(self._transformed, image, mask)
            if isinstance(found, Fault):
                return Prepared(None, flags, sha256, found.reason, found.transient)
            image, mask = found
            if mask is not None:
                flags = tuple(sorted((*flags, MASKED)))
        hashed = content_hash(content) if isinstance(content[0], np.ndarray) else b""
        return Prepared(image, flags, sha256, "", False, mask, dark, hashed)

    def _transformed(self, image: Pixels, mask: Mask | None) -> tuple[Pixels, Mask | None]:
        for operation in self.operations:
            image = operation(image)
        if mask is None:
            return image, None
        pixels = transform_mask(mask.pixels, self.mask_operations)
        return image, None if pixels is None else mask._replace(pixels=pixels)


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
