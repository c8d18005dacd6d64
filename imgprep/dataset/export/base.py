"""The images of a dataset to export, one by one, as encoded files with their labels."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
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
MIME: Final[Mapping[str, str]] = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".tar": "application/x-tar",
    ".parquet": "application/x-parquet",
}
SHARD_SIZE: Final = 256 << 20
"""Bytes of images in a shard, of the formats that have shards."""
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
        shard_size: how many bytes of images a shard has at most, if it has more than one.
    """

    parts: tuple[Dataset, ...]
    records: Mapping[str, SampleRecord]
    splits: Mapping[str, str] | None
    color: str
    encoding: str = "png"
    quality: int = 95
    files: str = "converted"
    source: Path | None = None
    shard_size: int = SHARD_SIZE

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
        """The file of an image: PNG and WebP without loss, JPEG with the quality.

        Raises:
            RequestError: there are no such files of these pixels.
        """
        pixels = np.ascontiguousarray(image.pixels)
        if self.color == "RGB":
            pixels = np.ascontiguousarray(pixels[..., ::-1])
        options = {
            "png": [cv2.IMWRITE_PNG_COMPRESSION, 6],
            "jpeg": [cv2.IMWRITE_JPEG_QUALITY, self.quality],
            "webp": [cv2.IMWRITE_WEBP_QUALITY, 101],  # above 100 is lossless
        }
        try:
            done, content = cv2.imencode(SUFFIXES[self.encoding], pixels, options[self.encoding])
        except cv2.error:
            done = False
        if not done:
            shape = "x".join(map(str, image.pixels.shape))
            raise RequestError(f"images of {image.pixels.dtype}, {shape}, cannot be written as {self.encoding}")
        return content.tobytes()

    def names(self) -> tuple[str, ...]:
        """The folders of the classes, in index order."""
        names = Names()
        return tuple(names.of(label) for label in self.classes)


Write = Callable[[Export, Path], Iterator[Image]]
"""Writes the images into a folder and yields each that was written."""
Features = Callable[[Export], dict[str, Any]]
"""The columns as Hugging Face sees them: name -> feature, as it stands in the head of a card."""
Records = Callable[[Export, Sequence[str]], tuple[list[dict[str, Any]], list[dict[str, Any]]]]
"""Makes the sets of files, and the fields of their records, for Croissant from the names of the files."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format of an export.

    Attributes:
        write: writes the images.
        pattern: the files of a split, with the name of the split in the place of {}.
        features: the columns for the card; None where Hugging Face does not read the format.
        records: what Croissant reads; None where it cannot.
    """

    write: Write
    pattern: str
    features: Features | None = None
    records: Records | None = None


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
    """Counts images into shards: ``train-00000``, a new one where the images of the last would be too large.

    Args:
        size: of a shard, in bytes.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._last: dict[str, tuple[int, int]] = {}

    def name(self, split: str, size: int) -> str:
        """The shard of the next image of a split, which has so many bytes."""
        number, filled = self._last.get(split, (0, 0))
        if filled and filled + size > self._size:
            number, filled = number + 1, 0
        self._last[split] = number, filled + size
        return f"{split}-{number:05d}"


def class_label(names: Sequence[str]) -> dict[str, Any]:
    """The feature of a class, with the names by index."""
    return {"class_label": {"names": {str(index): name for index, name in enumerate(names)}}}


def target_features(targets: Sequence[Target]) -> dict[str, Any]:
    """The feature of each target."""
    features: dict[str, Any] = {}
    for target in targets:
        label = class_label(target.classes)
        features[target.name] = {"number": "float32", "category": label}.get(target.kind, {"sequence": label})
    return features


def field(name: str, kind: str, source: Mapping[str, Any]) -> dict[str, Any]:
    """A field of the records of Croissant."""
    return {
        "@type": "cr:Field",
        "@id": f"images/{name}",
        "name": f"images/{name}",
        "dataType": kind,
        "source": dict(source),
    }
