"""What a finished stage says of its images, read back as columns."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.columns import StringBuilder, StringColumn
from imgprep.dataset.manifest import SAMPLES, Manifest, read_samples, sample_line, sample_record
from imgprep.errors import RequestError
from imgprep.sample import Sample, SampleTable
from imgprep.shards.base import ShardFormat

# The last of these in a line is neither part of a text, where quotes are escaped, nor of the attributes, which it ends.
_STATUS: Final = b'},"status":"'
_TEXT: Final = rb'"(?:[^"\\]|\\.)*"'
_USUAL: Final = re.compile(
    rb'},"status":"ok","reason":%b,"split":(null|%b),("shard":(?:null|%b),"row":(?:null|\d+)),"sha256":'
    % (_TEXT, _TEXT, _TEXT)
)


@dataclass(frozen=True, slots=True)
class Images:
    """The images of a finished stage.

    Attributes:
        folder: of the stage.
        manifest: its index.
        table: its usable images, in the order of their rows in the shards.
        format: of its shards.
        parents: the id of the original of each row; None when all are originals.
    """

    folder: Path
    manifest: Manifest
    table: SampleTable
    format: ShardFormat
    parents: StringColumn | None = None

    def places(self, numbers: NDArray[np.integer]) -> NDArray[np.int64]:
        """(M, 2) the shard and the row in it of the images of these numbers."""
        starts = self.starts()
        shard = np.searchsorted(starts[1:], numbers, side="right")
        return np.stack([shard, numbers - starts[shard]], axis=1)

    def starts(self) -> NDArray[np.int64]:
        """(S + 1,) the number of the first image in each shard, and how many there are."""
        return np.cumsum([0, *(shard.samples for shard in self.manifest.shards)], dtype=np.int64)


def read_images(folder: Path, manifest: Manifest, format_: ShardFormat) -> Images:
    """Reads the usable images of a stage from its samples.jsonl.

    Raises:
        RequestError: the file does not say what the index says.
    """
    parents = StringBuilder() if manifest.stage == "augment" else None
    table = SampleTable.of(_usable(folder, parents))
    rows = sum(shard.samples for shard in manifest.shards)
    if manifest.shards and rows != len(table):
        raise RequestError(
            f"{folder / SAMPLES}: {len(table)} usable images, but {rows} in the shards; run the stage with --force"
        )
    return Images(folder, manifest, table, format_, None if parents is None else parents.column())


def _usable(folder: Path, parents: StringBuilder | None) -> Iterator[Sample]:
    try:
        for record in read_samples(folder):
            if record["status"] == "ok":
                yield Sample(
                    record["id"],
                    record["location"],
                    record["label"] or "",
                    record["attributes"],
                    record.get("group", ""),
                    record["split"] or "",
                )
                if parents is not None:
                    parents.add(record["parent"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(f"{folder / SAMPLES}: cannot be read ({error}); run the stage with --force") from error


class Change(NamedTuple):
    """What becomes of a line of samples.jsonl.

    Attributes:
        split: the new split, as JSON.
        place: the new shard and row, as members of a JSON object; empty for the old ones.
    """

    split: bytes
    place: bytes = b""


def rewritten(folder: Path, changes: Iterable[Change]) -> Iterator[bytes]:
    """The lines of samples.jsonl with the usable ones changed.

    A line that has the form that imgprep writes is cut and put together again: to read all of it would take ten times
    as long.

    Args:
        folder: of the stage.
        changes: one for each usable image, in order.
    """
    following = iter(changes)
    with (folder / SAMPLES).open("rb") as file:
        for line in file:
            usual = _USUAL.match(line, max(0, line.rfind(_STATUS)))
            if usual is None:
                yield _changed(line, following)
                continue
            split, place = next(following)
            yield b"".join((line[: usual.start(1)], split, b",", place or usual[2], line[usual.end(2) :]))


def _changed(line: bytes, changes: Iterator[Change]) -> bytes:
    record = sample_record(line)
    if record["status"] != "ok":
        return line
    split, place = next(changes)
    return sample_line(record | json.loads(b'{"split":%b%b}' % (split, b"," + place if place else b"")))


def as_json(text: str | None) -> bytes:
    """A text, or null, as it stands in samples.jsonl.

    >>> as_json('train'), as_json(None)
    (b'"train"', b'null')
    """
    return b"null" if text is None else sample_line({"": text})[4:-2]
