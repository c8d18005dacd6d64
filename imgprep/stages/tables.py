"""What a finished stage says of its images, read back as columns."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgprep.columns import StringColumn
from imgprep.errors import RequestError
from imgprep.manifest import SAMPLES, Manifest, read_samples, sample_line, sample_record
from imgprep.sample import Sample, SampleTable
from imgprep.shards.base import ShardFormat


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

    def places(self) -> NDArray[np.int64]:
        """(N, 2) the shard and the row in it of each image."""
        sizes = [shard.samples for shard in self.manifest.shards]
        shard = np.repeat(np.arange(len(sizes)), sizes)
        row = np.arange(len(shard)) - np.repeat(np.cumsum([0, *sizes[:-1]]) if sizes else [], sizes)
        return np.stack([shard, row.astype(np.int64)], axis=1)


def read_images(folder: Path, manifest: Manifest, format_: ShardFormat) -> Images:
    """Reads the usable images of a stage from its samples.jsonl.

    Raises:
        RequestError: the file does not say what the index says.
    """
    table = SampleTable.of(_usable(folder))
    rows = sum(shard.samples for shard in manifest.shards)
    if manifest.shards and rows != len(table):
        raise RequestError(
            f"{folder / SAMPLES}: {len(table)} usable images, but {rows} in the shards; run the stage with --force"
        )
    parents = StringColumn.of(_parents(folder)) if manifest.stage == "augment" else None
    return Images(folder, manifest, table, format_, parents)


def _usable(folder: Path) -> Iterator[Sample]:
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
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(f"{folder / SAMPLES}: cannot be read ({error}); run the stage with --force") from error


def _parents(folder: Path) -> Iterator[str]:
    for record in read_samples(folder):
        if record["status"] == "ok":
            yield record["parent"]


def rewritten(folder: Path, change: Callable[[int, dict[str, Any]], None]) -> Iterator[bytes]:
    """The lines of samples.jsonl with the usable ones changed.

    Args:
        folder: of the stage.
        change: takes the number of a usable image and its record, and changes the record.
    """
    number = 0
    with (folder / SAMPLES).open("rb") as file:
        for line in file:
            record = sample_record(line)
            if record["status"] == "ok":
                change(number, record)
                number += 1
                yield sample_line(record)
            else:
                yield line
