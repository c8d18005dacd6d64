"""The output of another stage of imgprep: its index and its shards."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from sys import intern
from typing import Any, ClassVar, Final, NamedTuple

from numpy.typing import NDArray

from imgprep.archives.files import file_digest, file_stamp
from imgprep.arrays.progress_hook import in_steps, step
from imgprep.dataset.manifest import INDEX, SAMPLES, Manifest, ShardEntry, read_manifest
from imgprep.dataset.preprocessed import made_by
from imgprep.dataset.records import Origin, scan_origins
from imgprep.errors import RequestError, SourceError, check_surroundings, one_line
from imgprep.shards.shard_set import open_shard
from imgprep.sources.arrays import Naming, check_images, image_row, read_labels
from imgprep.sources.base import InStores, Pixels
from imgprep.sources.file_cache import FileSource
from imgprep.sources.splits import Unknown
from imgprep.table.sample import NOTHING, Sample

_COLUMNS: Final = ("label", "id", "parent")


@dataclass(frozen=True, slots=True)
class Dataset(FileSource):
    """The output of ``convert``, ``augment`` or ``pack``, if its images are integers in flat layout.

    Ids, labels, splits and attributes are those of the dataset; an augmented image is in the group of its original.

    Attributes:
        path: the folder of the stage, with ``dataset.json`` in it.
    """

    layout: ClassVar[str] = "dataset"
    in_stores: ClassVar[InStores] = "files"
    holds_arrays: ClassVar[bool] = True
    unknown_split: ClassVar[Unknown] = "keep"
    reads_named: ClassVar[bool] = True

    path: Path

    @property
    def isolated(self) -> bool:
        """Always: see `Source`."""
        return True

    def samples(self) -> Iterator[Sample]:
        """Lists the rows of the shards; see `Source.samples`."""
        manifest = read_manifest(self.path)
        if not manifest.shards or manifest.feature is not None:
            raise RequestError(f"{one_line(self.path)}: the stage {manifest.stage} holds no images; use convert's")
        metadata = self._metadata(splits=any(entry.split is None for entry in manifest.shards))
        copies = any(map(self._holds_copies, manifest.shards))
        for entry in manifest.shards:
            step()
            shard, stamp = self._columns(entry, manifest)
            for row, identity in enumerate(shard.ids):
                origin = shard.parents[row] or identity
                yield Sample(
                    identity,
                    f"{entry.filename}@{row}",
                    shard.labels[row],
                    metadata.attributes.get(origin, NOTHING),
                    metadata.groups.get(origin) or (origin if copies else ""),
                    # What no split stage has divided keeps the splits that its source gave it.
                    entry.split if entry.split is not None else metadata.splits.get(origin, ""),
                    stamp=stamp,
                )

    def read(self, sample: Sample) -> Pixels:
        """Reads one row of a shard; see `Source.read`."""
        name, _, row = sample.location.rpartition("@")
        path = f"{os.fspath(self.path)}/{name}"
        return image_row(self._files(path, sample.stamp).rows, int(row), path)

    @staticmethod
    def open_file(path: Path) -> "_Images":
        """See `FileSource.open_file`."""
        return _Images(path)

    def classes(self) -> tuple[str, ...] | None:
        """The classes of the dataset, in its order."""
        return read_manifest(self.path).classes

    @classmethod
    def stored_files(cls, folder: Path, names: Sequence[str]) -> Mapping[str, str]:
        """See `Source.stored_files`."""
        del names
        manifest = read_manifest(folder)
        return {INDEX: "", **manifest.files, **{entry.filename: entry.sha256 for entry in manifest.shards}}

    def preprocessed(self) -> Mapping[str, Any] | None:
        """The stage, the format, the normalisation and the preprocessing of the images."""
        manifest = read_manifest(self.path)
        return None if manifest.image is None else made_by(manifest, manifest.image)

    def digest(self) -> str:
        """Size and time of the index: it is written after everything else."""
        return file_digest(self.path / INDEX)

    def _metadata(self, *, splits: bool) -> "_Metadata":
        found = _Metadata({}, {}, {})
        try:
            for origin in in_steps(scan_origins(self.path)):
                if origin is not None:
                    found.add(origin, splits=splits)
        except (OSError, ValueError) as error:
            check_surroundings(error, self.path / SAMPLES)
            where = one_line(self.path / SAMPLES)
            raise SourceError(f"{where}: cannot be read: {one_line(error)}; run imgprep verify") from error
        return found

    def _holds_copies(self, entry: ShardEntry) -> bool:
        """Returns whether a row of a shard is the copy of an image, which then may be in any other shard."""
        step()
        with open_shard(str(self._checked(entry))) as shard:
            return "parent" in shard.names and any(_texts(shard.read("parent")))

    def _checked(self, entry: ShardEntry) -> Path:
        """The path of a shard that is as it was written, by its size."""
        path = self.path / entry.filename
        where = one_line(path)
        if path.parent != self.path or path.name != entry.filename:
            raise SourceError(f"{where}: the index names a shard outside its folder")
        try:
            same = path.is_file() and path.stat().st_size == entry.bytes
        except OSError as error:  # a name that is too long, for one
            check_surroundings(error, path)
            same = False
        if not same:
            raise SourceError(f"{where}: the shard is missing or not as it was written; run imgprep verify")
        return path

    def _columns(self, entry: ShardEntry, manifest: Manifest) -> tuple["_Columns", tuple[int, int]]:
        path = self._checked(entry)
        where = one_line(path)
        with open_shard(str(path)) as shard:
            if missing := {"image", "label", "id"}.difference(shard.names):
                raise RequestError(f"{where}: no array {min(missing)}; only datasets in flat layout are read")
            shape, dtype = shard.check("image")
            check_images(shape, dtype, where)
            arrays = {name: shard.read(name) for name in _COLUMNS if name in shard.names}
        values = read_labels(arrays["label"], shape[0], where)
        names = Naming(manifest.classes, where).of(values)
        ids = _texts(arrays["id"])
        parents = _texts(arrays["parent"]) if "parent" in arrays else [""] * len(ids)
        if not shape[0] == len(ids) == len(parents) == entry.samples:
            raise SourceError(f"{where}: columns of different length; run imgprep verify")
        return _Columns(ids, [names[value] for value in values.tolist()], parents), file_stamp(path)


class _Metadata(NamedTuple):
    """Id -> origin from samples.jsonl; images without attributes, group and split are left out."""

    attributes: dict[str, Mapping[str, str]]
    groups: dict[str, str]
    splits: dict[str, str]

    def add(self, origin: Origin, *, splits: bool) -> None:
        """Adds what is said of an image; its split only where the shards do not say it, for of millions it is large."""
        if origin.attributes:
            self.attributes[origin.id] = origin.attributes
        if origin.group:
            self.groups[origin.id] = origin.group
        if origin.split and splits:
            self.splits[origin.id] = intern(origin.split)


class _Columns(NamedTuple):
    ids: list[str]
    labels: list[str]
    parents: list[str]


def _texts(values: NDArray[Any]) -> list[str]:
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values.tolist()]


class _Images:
    """The images of an open shard."""

    def __init__(self, path: Path) -> None:
        self._reader = open_shard(str(path))
        self.rows = self._reader.rows("image")

    def close(self) -> None:
        self._reader.close()
