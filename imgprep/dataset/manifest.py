"""A dataset's index on disk, ``dataset.json``, and atomic writes of files.

A file appears under its final name complete or not at all: temporary name, fsync, rename, fsync of the folder.
``dataset.json`` is written last; without it a stage is not finished.
"""

import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

from imgprep.dataset.manifest_schema import check_index, seal
from imgprep.dataset.row_format import FEATURE, IMAGE, FeatureFormat, ImageFormat, RowFormat
from imgprep.errors import RequestError, ResourceError, check_surroundings, one_line
from imgprep.storage.base import MissingError
from imgprep.storage.opening import open_storage
from imgprep.util.addresses import address_of

FORMAT_VERSION: Final = 1
INDEX: Final = "dataset.json"
SAMPLES: Final = "samples.jsonl"
TEMPORARY: Final = ".tmp-"
MASKED: Final = "masked"
"""Flag and count of images with a mask."""
AUGMENTED: Final = "augmented"
"""Count of copies."""
LARGEST_INDEX: Final = 1 << 30
"""Largest size of an index in bytes; enough for a million shards or classes."""
_WHERE_THERE: Final = ("groups", "decisions", "preprocessing", "targets", "feature")
"""Members that are not written where there is nothing to say."""


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """One finished shard.

    Attributes:
        filename: its name in the folder of the stage.
        split: the split its rows belong to; None before the split.
        samples: the number of rows.
        bytes: the size of the file.
        sha256: of the file, in hexadecimal.
    """

    filename: str
    split: str | None
    samples: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of ``dataset.json``.

    Attributes:
        stage: convert, split, augment or pack.
        name: the name in the spec.
        classes: names in index order.
        counts: images per split (``all`` before the split) and class.
        samples: entries of the source, the same in every stage: found = ok + quarantined + skipped. Also ``masked``,
            where masks are read: how many ok images have one; and ``augmented``, where copies were made: how many
            the stage has.
        image: shape, dtype and colour order; None where the stage holds no images.
        feature: shape, dtype and network of the features; None, and not written, where the stage holds none.
        labels: ``index`` or ``one_hot``, and the dtype they are stored in.
        normalization: kind of normalisation, with its statistics.
        class_weights: N / (K x images of the class) over N training images of K classes; 0.0 for a class without any.
        seed: the seed of the spec.
        fingerprint: SHA-256 over all inputs of the dataset: settings, labels and source bytes.
        checksum: the algorithm of the ``checksum`` column.
        versions: of imgprep, OpenCV, numpy and HDF5, and the CPU features that OpenCV used.
        shards: every shard, in order.
        files: file name -> SHA-256, for samples.jsonl and other files of the stage.
        groups: number of groups of images that belong together (``groups``), of those in several splits (``parted``),
            and of images without a group (``alone``); None, and not written, where there are no groups.
        decisions: SHA-256 of the table of decisions (``sha256``), and how many images they leave out (``excluded``),
            label anew (``relabelled``) and keep (``kept``); None, and not written, without a table.
        targets: by name, see `dataset.targets.described`; None, and not written, without any.
        preprocessing: what convert did to each image, as its section of a spec, without storage; and ``source``,
            what was done before, where the source is a dataset. None in older files.
    """

    stage: str
    name: str
    classes: tuple[str, ...]
    counts: Mapping[str, Mapping[str, int]]
    samples: Mapping[str, int]
    seed: int
    fingerprint: str
    image: ImageFormat | None = None
    labels: Mapping[str, str] | None = None
    normalization: Mapping[str, Any] | None = None
    class_weights: Mapping[str, float | None] | None = None
    checksum: str = "crc32"
    versions: Mapping[str, Any] = field(default_factory=dict)
    shards: tuple[ShardEntry, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, int] | None = None
    decisions: Mapping[str, Any] | None = None
    preprocessing: Mapping[str, Any] | None = None
    targets: Mapping[str, Any] | None = None
    feature: FeatureFormat | None = None
    format_version: int = FORMAT_VERSION

    def to_json(self) -> bytes:
        """The bytes of ``dataset.json``, deterministic; the last key is a digest of everything before it."""
        content = {"format_version": self.format_version} | asdict(self)
        lacking = {name for name in _WHERE_THERE if content[name] is None}
        content = {name: value for name, value in content.items() if name not in lacking}
        return seal(json.dumps(content, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace"))

    @classmethod
    def from_json(cls, text: bytes, where: Path) -> Self:
        """Parses the output of `to_json`.

        Raises:
            RequestError: the text is not an index, or of an unknown format version.
        """
        try:
            content = json.loads(text)
            version = content.get("format_version") if isinstance(content, dict) else None
            if isinstance(version, int) and version != FORMAT_VERSION:
                raise RequestError(
                    f"{where}: format version {version}, this imgprep reads version {FORMAT_VERSION}; install the "
                    "imgprep that wrote it, or write the dataset again"
                )
            check_index(content)
            known = {item.name for item in fields(cls)}
            content = {key: value for key, value in content.items() if key in known}
            content["classes"] = tuple(content["classes"])
            content["shards"] = tuple(ShardEntry(**shard) for shard in content["shards"])
            if content.get("image"):
                content["image"] = ImageFormat(**content["image"] | {"shape": tuple(content["image"]["shape"])})
            if content.get("feature"):
                content["feature"] = FeatureFormat(**content["feature"] | {"shape": tuple(content["feature"]["shape"])})
            return cls(**content)
        except (ValueError, TypeError, RecursionError) as error:
            reason = "nested too deeply" if isinstance(error, RecursionError) else one_line(error)
            raise RequestError(
                f"{where}: no index of an imgprep dataset ({reason}); write the dataset again"
            ) from error

    @property
    def lists_source(self) -> bool:
        """True if samples.jsonl lists the entries of the source; that of augment lists only the copies."""
        return self.stage != "augment"

    @property
    def images(self) -> int:
        """The number of images in the source, unusable ones included."""
        return self.samples["found"] - self.samples["skipped"]

    @property
    def rows(self) -> RowFormat | None:
        """The format of the rows of its shards; None where it has none."""
        if self.feature is not None:
            return RowFormat(FEATURE, self.feature.shape, self.feature.dtype)
        return None if self.image is None else RowFormat(IMAGE, self.image.shape, self.image.dtype)

    def splits(self) -> tuple[str, ...]:
        """The names of the splits that have shards, in order."""
        return tuple(dict.fromkeys(shard.split for shard in self.shards if shard.split is not None))


def read_manifest(folder: Path) -> Manifest:
    """Reads the index of a finished stage.

    Raises:
        RequestError: there is none, or something else in its place.
        ResourceError: there is no permission to read it.
    """
    path, address = folder / INDEX, address_of(folder / INDEX)
    try:
        if address is not None:
            return Manifest.from_json(open_storage(address).get(address.key, LARGEST_INDEX)[0], path)
        text = read_regular(path, LARGEST_INDEX)
    except (FileNotFoundError, NotADirectoryError, MissingError) as error:
        raise no_dataset(folder) from error
    except PermissionError as error:
        raise ResourceError(f"{path}: cannot be read: {error.strerror}; give permission") from error
    except OSError as error:
        check_surroundings(error, path)
        raise RequestError(f"{path}: cannot be read: {error.strerror}; write the dataset again") from error
    return Manifest.from_json(text, path)


def no_dataset(folder: Path) -> RequestError:
    """The error for a path that is no finished stage."""
    if folder.is_file():
        spec = folder.suffix.lower() in {".yaml", ".yml", ".json"}
        advice = "a spec? give the output folder that it names" if spec else "give the folder of a dataset"
        return RequestError(f"{one_line(folder)}: is a file, not a dataset; {advice}")
    return RequestError(f"{one_line(folder)}: no finished imgprep dataset, {INDEX} is missing; run the stage first")


def read_regular(path: Path, largest: int) -> bytes:
    """Reads a regular file up to a size.

    Raises:
        OSError: it is not a regular file (a pipe would block for ever), or larger.
    """
    check_regular(path)
    with path.open("rb") as file:
        text = file.read(largest + 1)
    if len(text) > largest:
        raise OSError(errno.EINVAL, f"larger than {largest >> 20} MiB", str(path))
    return text


def check_regular(path: Path) -> None:
    """Refuses files that may block or never end.

    Raises:
        OSError: it is missing, or no regular file.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))


def commit(path: Path, content: bytes | memoryview | Iterable[bytes | memoryview], *, durable: bool = True) -> None:
    """Writes a file atomically: its final name shows all of it or nothing, also after a crash.

    Args:
        path: the final name; its folder exists.
        content: the bytes, or lines of them.
        durable: wait until it is on disk; not needed for files that are checked by their hash before use.

    Raises:
        ResourceError: no space, no permission, or another failure of the file system.
    """
    with committing(path, durable=durable) as file:
        for block in [content] if isinstance(content, bytes | memoryview) else content:
            file.write(block)


@contextmanager
def committing(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Like `commit`, as a context manager for a file that is not written sequentially.

    Yields:
        The file, open for writing; it gets its final name when the block ends without an exception.
    """
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}"[:255])
    try:
        try:
            with temporary.open("wb", buffering=1 << 20) as file:
                yield file
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            temporary.replace(path)
            if durable:
                sync_folder(path.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ResourceError(f"{path}: cannot write: {error.strerror or error}; free the space or permission") from error


def sync_folder(folder: Path) -> None:
    """Makes a rename in the folder durable, where the system supports that."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_file(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    check_regular(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def decisions_key(decisions: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The part of a stage's inputs that decisions are: their digest is in its index; empty without any."""
    return {} if decisions is None else {"decisions": {"digest": decisions["sha256"]}}


def fingerprint(*parts: object) -> str:
    """SHA-256 over JSON-serialisable values, independent of the order of keys."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
