"""The images of a dataset to export, one by one, as encoded files with their labels."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.loader import Dataset
from imgprep.dataset.records import SampleRecord
from imgprep.dataset.targets import described_targets
from imgprep.errors import RequestError
from imgprep.table.targets import Target

SUFFIXES: Final[Mapping[str, str]] = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
SHARD_IMAGES: Final = 1000
"""Images in a shard of the formats that have shards."""
_BLOCK: Final = 64
_RESERVED: Final = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


class Image(NamedTuple):
    """One exported image.

    Attributes:
        record: its line in samples.jsonl.
        split: its name, as that of a file.
        number: of its class.
        label: the name of its class.
        pixels: (H, W, C).
    """

    record: SampleRecord
    split: str
    number: int
    label: str
    pixels: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Export:
    """A dataset that is exported.

    Attributes:
        parts: the images, in one or more splits.
        records: of the images, by id.
        splits: id -> split, where the dataset itself has none.
        color: the order of the channels.
        encoding: png, jpeg or webp.
        quality: of JPEG, 1 to 100.
        files: link, symlink or copy for the original files; converted for the stored pixels.
        source: the folder of the original files.
    """

    parts: tuple[Dataset, ...]
    records: Mapping[str, SampleRecord]
    splits: Mapping[str, str] | None
    color: str
    encoding: str = "png"
    quality: int = 95
    files: str = "converted"
    source: Path | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes in index order."""
        return self.parts[0].classes

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets of the dataset; `record.targets` of an image has their values."""
        return described_targets(self.parts[0].manifest.targets)

    def images(self) -> Iterator[Image]:
        """All images that are in a split, split by split where the dataset has splits, in its order."""
        names, folders = Names(), dict[str, str]()
        for part in self.parts:
            ids = part.ids
            for start in range(0, len(part), _BLOCK):
                pixels, labels = part[start : start + _BLOCK]
                numbers = labels.argmax(1) if labels.ndim > 1 else labels
                for id_, image, number in zip(ids[start : start + _BLOCK], pixels, numbers, strict=True):
                    split = part.split or ("train" if self.splits is None else self.splits.get(id_, ""))
                    if split and split not in folders:
                        folders[split] = names.of(split)  # a table may call a split anything
                    if split:
                        yield Image(self.records[id_], folders[split], int(number), self.classes[int(number)], image)

    def encoded(self, image: Image) -> bytes:
        """The file of an image: PNG and WebP without loss, JPEG with the quality."""
        pixels = np.ascontiguousarray(image.pixels)
        if self.color == "RGB":
            pixels = pixels[..., ::-1]
        options = {
            "png": [cv2.IMWRITE_PNG_COMPRESSION, 6],
            "jpeg": [cv2.IMWRITE_JPEG_QUALITY, self.quality],
            "webp": [cv2.IMWRITE_WEBP_QUALITY, 101],  # above 100 is lossless
        }
        done, content = cv2.imencode(SUFFIXES[self.encoding], np.ascontiguousarray(pixels), options[self.encoding])
        if not done:
            raise RequestError(f"an image of {pixels.dtype} {pixels.shape} cannot be written as {self.encoding}")
        return content.tobytes()


Write = Callable[[Export, Path], Iterator[Image]]
"""Writes the images into a folder and yields each that was written."""


class Names:
    """Assigns each text a unique file name, valid on every system; names differ in more than case."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def of(self, text: str) -> str:
        """The name for one more text; without a dot at either end, a slash, or a control character."""
        base = re.sub(r"[^\w.+=@ -]", "_", text.replace("/", "__")).strip(". ")[:120] or "_"
        if _RESERVED.fullmatch(base):
            base = f"_{base}"
        name, number = base, 1
        while name.casefold() in self._used:
            number += 1
            name = f"{base}-{number}"
        self._used.add(name.casefold())
        return name


class Shards:
    """Counts images into shards: ``train-00000``, a new one after so many images of a split."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def name(self, split: str) -> str:
        """The shard of the next image of a split."""
        count = self._counts.get(split, 0)
        self._counts[split] = count + 1
        return f"{split}-{count // SHARD_IMAGES:05d}"
