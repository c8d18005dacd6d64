"""A collection that is only listed, and workers that do everything but read and write pixels.

With both, `imgprep` runs as it does over millions of images: it lists, plans, hands out plans, collects records and
commits. Lines, records and files are those of real workers; the shards are files of the right size without content.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np

import imgprep.engines
import imgprep.sources
from imgprep.dataset.manifest import commit
from imgprep.dataset.records import SampleRecord
from imgprep.engines.base import Heartbeat, Outcome
from imgprep.engines.processes import Processes
from imgprep.errors import ImageError
from imgprep.pipeline.plan import ShardPlan, ShardRecord
from imgprep.pipeline.row_records import KEY, RowRecords
from imgprep.pipeline.runner import part_path, row_path
from imgprep.sources.base import Source
from imgprep.stages.convert.job import ConvertJob
from imgprep.table.sample import Sample, SampleTable

CLASSES: Final = 1000
BYTES: Final = 110_000
"""Of one made-up file."""
TIME: Final = 1_700_000_000_000_000_000


@dataclass(frozen=True, slots=True)
class MadeUp(Source):
    """Photographs in folders of classes, of which there are only names, sizes and times.

    Attributes:
        path: of a folder.
        rows: how many.
    """

    layout: ClassVar[str] = "made_up"

    path: Path
    rows: int = 1000

    def samples(self) -> Iterator[Sample]:
        """In the order of names, as a folder is listed."""
        for row in range(self.rows):
            label = f"class-{row * CLASSES // self.rows:03d}"
            id_ = f"{label}/{row:010d}.jpg"
            yield Sample(id_, id_, label, stamp=(BYTES + row % 4096, TIME + row))

    def read(self, sample: Sample) -> bytes:
        """There is nothing to read."""
        raise ImageError(f"{sample.id} is only listed")


@dataclass(frozen=True, slots=True)
class Pretended:
    """Stands in for the job of convert.

    Attributes:
        job: the real one.
    """

    job: ConvertJob

    def __call__(self, plan: ShardPlan[SampleTable], heartbeat: Heartbeat) -> ShardRecord:
        """The record of a shard, with its lines and row records on disk."""
        lines, digests, counts = [], [], dict[str, int]()
        for row, sample in enumerate(plan.items):
            heartbeat.at(row)
            digest = hashlib.sha256(sample.id.encode())
            digests.append(digest.digest())
            counts[sample.label] = counts.get(sample.label, 0) + 1
            lines.append(
                SampleRecord(
                    sample.id,
                    sample.location,
                    sample.label,
                    {},
                    "ok",
                    "",
                    None,
                    plan.filename,
                    row,
                    digest.hexdigest(),
                    [],
                ).line()
            )
        heartbeat.done()
        part, rows = b"".join(lines), self._rows(plan, b"".join(digests))
        writer, image = self.job.writer, self.job.image
        commit(part_path(writer.parts, plan.filename), part, durable=False)
        commit(row_path(writer.parts, plan.filename), rows, durable=False)
        size = len(lines) * int(np.prod(image.shape))
        commit(writer.folder / plan.filename, b"")
        os.truncate(writer.folder / plan.filename, size)
        made = [hashlib.sha256(content).hexdigest() for content in (plan.filename.encode(), part, rows)]
        record = ShardRecord(plan.filename, None, len(lines), size, counts=counts)
        return replace(record, sha256=made[0], part=made[1], rows=made[2])

    def _rows(self, plan: ShardPlan[SampleTable], digests: bytes) -> bytes:
        assert plan.rows is not None
        count, image = len(plan.items), self.job.image
        sha256 = np.frombuffer(digests, np.uint8).reshape(count, 32)
        text = f"{'x'.join(map(str, image.shape))} {image.dtype}"
        checksums = np.arange(count, dtype=np.uint32)
        details = [b'{"flags":[],"mask":"","dark":null}\n'] * count
        contents = np.ascontiguousarray(sha256[:, :KEY])
        return RowRecords(self.job.settings, text, plan.rows.keys, contents, checksums, sha256, details).to_bytes()


@dataclass(frozen=True, slots=True)
class Simulated(Processes):
    """Worker processes that pretend to convert."""

    def run(
        self, function: Any, plans: Iterable[Any], progress: Callable[[int], None] | None = None
    ) -> Iterator[Outcome[Any, Any]]:
        """See `Engine.run`."""
        return Processes.run(
            self, Pretended(function) if isinstance(function, ConvertJob) else function, plans, progress
        )


def register() -> None:
    """Puts both into their tables, in this process."""
    imgprep.sources.SOURCES = {**imgprep.sources.SOURCES, "made_up": MadeUp}  # type: ignore[misc, assignment]
    imgprep.engines.ENGINES = {**imgprep.engines.ENGINES, "simulated": Simulated}  # type: ignore[assignment, misc]
