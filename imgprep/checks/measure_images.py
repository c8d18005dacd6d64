"""The audit's evidence: every image decoded once, in the workers, and cached while its file does not change."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.checks.measure import LEAST, Meter
from imgprep.checks.measurements import FULL_ROW, ROW, Measurements
from imgprep.dataset.manifest import commit
from imgprep.decoding.reduction import KeepingLongSide
from imgprep.decoding.scaled_image import ScaledImage
from imgprep.engines.base import Heartbeat
from imgprep.pipeline.chunk_cache import ChunkCache
from imgprep.pipeline.image_loop import over_images
from imgprep.pipeline.image_reader import Content, ImageReader
from imgprep.pipeline.plan import ShardPlan
from imgprep.pipeline.runner import RunContext
from imgprep.table.column_file import ColumnFile
from imgprep.table.sample import Sample, SampleTable

WHAT: Final = "audit"


class Measured(NamedTuple):
    """The measurements of a chunk of images.

    Attributes:
        faults: item -> why it cannot be used.
        rows: (N,) one measurement for each item; zeros for those that were not measured.
        transient: items whose fault may pass.
    """

    faults: Mapping[int, str]
    rows: NDArray[np.void]
    transient: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class MeasureJob:
    """Measures the images of a chunk.

    Attributes:
        reader: of the source.
        cache: the folder where measurements are kept; None keeps none.
        descriptor: whether the descriptors for suspects of wrong labels are measured too.
    """

    reader: ImageReader
    cache: Path | None
    descriptor: bool

    def __call__(self, plan: ShardPlan[SampleTable], heartbeat: Heartbeat) -> Measured:
        """Reads, decodes and measures."""
        meter = Meter(descriptor=self.descriptor)
        faults: dict[int, str] = {}
        measured: list[int] = []
        transient: set[int] = set()
        process = partial(_measured, self.reader.reusing_memory(), meter)
        for item, sample, fault in over_images(plan.items, plan.excluded, heartbeat, process):
            if fault is None:
                measured.append(item)
            elif sample.status == "ok":
                faults[item] = fault.reason
                if fault.transient:
                    transient.add(item)
        rows = np.zeros(len(plan.items), FULL_ROW if self.descriptor else ROW)
        rows[measured] = Measurements.of(meter.finish(), descriptor=self.descriptor).records()
        found = Measured(faults, rows, frozenset(transient))
        if self.cache is not None and not transient:
            keep(self.cache / plan.filename, found)
        return found


def _measured(reader: ImageReader, meter: Meter, sample: Sample) -> None:
    measure_content(reader, meter, sample, reader.content(sample))


def measure_content(reader: ImageReader, meter: Meter, sample: Sample, content: Content) -> ScaledImage:
    """Adds one image that was read to the meter, whole where a reduced one is not enough; gives what it decoded last.

    Raises:
        ImageError: it cannot be used.
    """
    digest = bytes.fromhex(content[1])
    seen = reader.decoded(sample, content, KeepingLongSide(LEAST))
    if not meter.add(seen, digest):
        seen = reader.decoded(sample, content)
        meter.add(seen, digest)
    return seen


def chunks_of(
    context: RunContext, reader: ImageReader, table: SampleTable, *, descriptor: bool, what: str
) -> tuple[ChunkCache[Measured], list[ShardPlan[SampleTable]]]:
    """The cache of measurements, and the chunks of a table in it; its arguments are those of `measure`."""
    folder = context.workspace.private / "evidence" / what
    folder.mkdir(parents=True, exist_ok=True)
    memory = ChunkCache(folder, partial(_kept, kind=FULL_ROW if descriptor else ROW), WHAT)
    return memory, memory.plans(reader, table, descriptor, str(ROW))


def measure(
    context: RunContext, reader: ImageReader, table: SampleTable, *, descriptor: bool = False, what: str = "source"
) -> tuple[SampleTable, Measurements]:
    """Measures every usable image of a table that is not known from an earlier audit.

    Args:
        context: where it runs.
        reader: of the source.
        table: every entry that the source lists.
        descriptor: whether the descriptors for suspects of wrong labels are measured too.
        what: the name of these images; those of another name are cached separately.

    Returns:
        The table with what cannot be decoded quarantined, and one row of measurements for each of its rows.
    """
    memory, plans = chunks_of(context, reader, table, descriptor=descriptor, what=what)
    rows = ColumnFile(memory.folder.parent, FULL_ROW if descriptor else ROW, len(table))
    faults: dict[int, str] = {}
    known = True
    for place, found, fresh in memory.results(context, MeasureJob(reader, memory.folder, descriptor), plans):
        rows.write(place.start, found.rows)
        faults.update({place.start + item: reason for item, reason in found.faults.items()})
        known = known and not fresh
    if known:
        context.monitor.note(f"{WHAT}: {table.images()} images are known from before")
    status = table.status.replaced(dict.fromkeys(faults, "quarantined"))
    return table.with_columns(status=status, reason=table.reason.replaced(faults)), Measurements(rows)


def keep(path: Path, found: Measured) -> None:
    """Writes the measurements of a chunk into the cache."""
    head = json.dumps({str(item): reason for item, reason in found.faults.items()}).encode()
    commit(path, [len(head).to_bytes(8, "little"), head, found.rows.tobytes()], durable=False)


def _kept(path: Path, items: int, *, kind: np.dtype[np.void]) -> Measured | None:
    try:
        data = path.read_bytes()
        end = 8 + int.from_bytes(data[:8], "little")
        faults = {int(item): reason for item, reason in json.loads(data[8:end]).items()}
        rows = np.frombuffer(data[end:], kind)
    except (OSError, ValueError, AttributeError):
        return None
    return Measured(faults, rows) if len(rows) == items else None
