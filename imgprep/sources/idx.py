"""Images in IDX, the format of MNIST: four files, gzipped or not."""

import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.archives.files import file_stamp, open_plain
from imgprep.arrays.files import ArrayLocation, is_bomb, regular_size
from imgprep.errors import RequestError, SourceError, one_line
from imgprep.sources.array_source import ArraySource
from imgprep.sources.arrays import (
    ClassNames,
    Naming,
    array_samples,
    check_images,
    image_row,
    read_labels,
)
from imgprep.sources.base import InStores, Pixels, Source
from imgprep.sources.split_names import TRAIN, split_in_name
from imgprep.sources.splits import Unknown
from imgprep.table.sample import Sample

_IMAGES: Final = re.compile(r"(?:(.*)[-_.])?images?[-_.]idx[34][-_.]ubyte(?:\.gz)?", re.IGNORECASE)
_LABELS: Final = re.compile(r"(?:(.*)[-_.])?labels?[-_.]idx1[-_.]ubyte(?:\.gz)?", re.IGNORECASE)
_UNSIGNED_BYTE: Final = 8
_BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Idx(ArraySource):
    """The files ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and ``t10k-...``, also gzipped.

    Any other ``*-images-idx3-ubyte`` with its ``*-labels-idx1-ubyte`` is read too.

    Attributes:
        path: the folder of the files, or one file of images.
        class_names: the names of the classes 0, 1, 2, ...; the numbers when omitted.
    """

    layout: ClassVar[str] = "idx"
    in_stores: ClassVar[InStores] = "files"
    unknown_split: ClassVar[Unknown] = "none"

    path: Path
    class_names: ClassNames | None = None

    def samples(self) -> Iterator[Sample]:
        """Lists the images, training files first; see `Source.samples`. All files are read through once to check."""
        naming = Naming(self.classes(), one_line(self.path))
        for files in self._groups():
            images = _checked(files.images)
            check_images(images.shape, np.dtype(np.uint8), one_line(files.images))
            values = _load(files.labels)
            if values.ndim != 1:
                raise SourceError(f"{one_line(files.labels)}: {values.ndim} dimensions; labels have one")
            labels = read_labels(values, images.shape[0], one_line(files.labels))
            name = files.images.name
            # The location says which file of the folder; nothing when the path itself is the file.
            prefix = (f"{name}#", f"{name}#" if self.path.is_dir() else "#")
            yield from array_samples(labels, naming, prefix, files.split, file_stamp(files.images))

    def read(self, sample: Sample) -> Pixels:
        """Reads one image; a gzipped file is expanded into memory once in each worker; see `Source.read`."""
        name, _, row = sample.location.rpartition("#")
        path = os.fspath(self.path)
        if name:
            path = f"{path}/{name}"
        return image_row(self._files(path, sample.stamp).pixels, int(row), path)

    @staticmethod
    def open_file(path: Path) -> "_Values":
        """See `FileSource.open_file`."""
        return _Values(path)

    def digest(self) -> str:
        """Sizes and times of all files."""
        stamps = [file_stamp(path) for files in self._groups() for path in (files.images, files.labels)]
        return "-".join(f"{size}.{time}" for size, time in stamps)

    @classmethod
    def stored_files(cls, folder: Path, names: Sequence[str]) -> Mapping[str, str]:
        """See `Source.stored_files`."""
        here = (name for name in names if "/" not in name)
        found = [name for name in here if _IMAGES.fullmatch(name) or _LABELS.fullmatch(name)]
        return Source.stored_files(folder, found)

    def _folder(self) -> Path:
        return self.path if self.path.is_dir() else self.path.parent

    def _groups(self) -> list["_Files"]:
        folder = self._folder()
        if not self.path.exists():
            raise RequestError(f"{one_line(self.path)}: no such file or folder; check source.path")
        names = sorted(path.name for path in folder.iterdir())
        # Sorted, a plain file comes before its gzipped twin and is taken.
        labels = {found[1]: name for name in reversed(names) if (found := _LABELS.fullmatch(name))}
        images = {found[1]: name for name in reversed(names) if (found := _IMAGES.fullmatch(name))}
        if folder != self.path:
            images = {prefix: name for prefix, name in images.items() if name == self.path.name}
        if not images:
            raise RequestError(f"{one_line(self.path)}: no file like train-images-idx3-ubyte; check source.path")
        if missing := [name for prefix, name in images.items() if prefix not in labels]:
            raise SourceError(f"{one_line(folder / missing[0])}: its labels-idx1-ubyte file is missing")
        found_files = [_Files(folder / name, folder / labels[prefix], prefix or "") for prefix, name in images.items()]
        return sorted(found_files, key=lambda files: (split_in_name(files.split) != TRAIN, files.images.name))


def is_idx_images(name: str) -> bool:
    """Returns whether a file of this name holds images in IDX.

    >>> is_idx_images("t10k-images-idx3-ubyte.gz")
    True
    """
    return _IMAGES.fullmatch(name) is not None


class _Files(NamedTuple):
    images: Path
    labels: Path
    split: str


class _Header(NamedTuple):
    shape: tuple[int, ...]
    length: int


def _header(path: Path, file: BinaryIO) -> _Header:
    """Reads the head and compares what it declares with what the file can hold."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[3] not in {1, 3, 4}:
        raise SourceError(f"{one_line(path)}: no IDX file, it begins with {magic.hex()}")
    if magic[2] != _UNSIGNED_BYTE:
        raise SourceError(f"{one_line(path)}: IDX values of type 0x{magic[2]:02x}; unsigned bytes (0x08) are read")
    raw = file.read(4 * magic[3])
    if len(raw) != 4 * magic[3]:
        raise SourceError(f"{one_line(path)}: cut short in its head")
    shape = tuple(np.frombuffer(raw, ">u4").tolist())
    declared, size, length = math.prod(shape), regular_size(str(path)), 4 + len(raw)
    packed = path.suffix.lower() == ".gz"
    if is_bomb(declared, size) if packed else declared + length != size:
        raise SourceError(f"{one_line(path)}: declares the shape {list(shape)}, but has only {size:,} bytes")
    if 0 in shape[1:]:
        raise SourceError(f"{one_line(path)}: declares the shape {list(shape)}, images without pixels")
    return _Header(shape, length)


def _checked(path: Path) -> _Header:
    """Reads the head, and goes through the values of a gzipped file to see that they are there and undamaged."""
    with open_plain(path) as file:
        header = _header(path, file)
        if path.suffix.lower() == ".gz":
            left = math.prod(header.shape)
            while left > 0 and (block := file.read(min(_BLOCK, left))):
                left -= len(block)
            _check_end(path, file, left)
        return header


def _check_end(path: Path, file: BinaryIO, missing: int) -> None:
    if missing or file.read(1):
        raise SourceError(f"{one_line(path)}: has {'fewer' if missing else 'more'} bytes than its dimensions say")


def _load(path: Path) -> NDArray[np.uint8]:
    """The values: mapped, or expanded into memory."""
    with open_plain(path) as file:
        header = _header(path, file)
        if path.suffix.lower() != ".gz":
            return ArrayLocation(str(path), np.dtype(np.uint8), header.shape, header.length).map()
        values = np.empty(math.prod(header.shape), np.uint8)
        done = 0
        while done < len(values) and (block := file.read(min(_BLOCK, len(values) - done))):
            values[done : done + len(block)] = np.frombuffer(block, np.uint8)
            done += len(block)
        _check_end(path, file, len(values) - done)
    return values.reshape(header.shape)


class _Values:
    def __init__(self, path: Path) -> None:
        self.pixels = _load(path)

    def close(self) -> None:
        self.pixels = self.pixels[:0]
