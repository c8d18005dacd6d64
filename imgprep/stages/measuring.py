"""The audit's evidence: every image decoded once, in the workers, and remembered while its file does not change."""

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.audit.measure import Meter
from imgprep.audit.measurements import FULL_ROW, ROW, Measurements
from imgprep.columns import CategoryColumn
from imgprep.decoding.damage import quiet_stderr
from imgprep.engines.base import Cursor
from imgprep.errors import ImageError, TransientError
from imgprep.manifest import commit, fingerprint
from imgprep.sample import SampleTable
from imgprep.stages.loading import ImageReader
from imgprep.stages.plan import ShardPlan
from imgprep.stages.run import Machine, results
from imgprep.stages.versions import versions

CHUNKS: Final = 32
SMALLEST: Final = 64
LARGEST: Final = 2048
WHAT: Final = "audit"


class Measured(NamedTuple):
    """What became of the images of a chunk.

    Attributes:
        faults: item -> why it cannot be used.
        rows: (N,) one measurement for each item; zeros for those that were not measured.
    """

    faults: Mapping[int, str]
    rows: NDArray[np.void]


@dataclass(frozen=True, slots=True)
class MeasureJob:
    """Measures the images of a chunk.

    Attributes:
        reader: of the source.
        cache: the folder where measurements are kept.
        descriptor: whether the descriptors for suspects of wrong labels are measured too.
    """

    reader: ImageReader
    cache: Path
    descriptor: bool

    def __call__(self, plan: ShardPlan[SampleTable], cursor: Cursor) -> Measured:
        """Reads, decodes and measures."""
        meter = Meter(descriptor=self.descriptor)
        faults: dict[int, str] = dict(plan.excluded)
        measured: list[int] = []
        passing = False
        with quiet_stderr():
            for item, sample in enumerate(plan.items):
                cursor.at(item)
                if sample.status != "ok" or item in faults:
                    continue
                try:
                    loaded = self.reader(sample)
                    meter.add(loaded.pixels, loaded.flags, bytes.fromhex(loaded.sha256))
                    measured.append(item)
                except ImageError as error:
                    faults[item] = str(error)
                    passing = passing or isinstance(error, TransientError)
                except MemoryError:
                    faults[item] = "needs more memory than execution.memory_limit allows"
            cursor.done()
        rows = np.zeros(len(plan.items), FULL_ROW if self.descriptor else ROW)
        rows[measured] = Measurements.of(meter.finish(), descriptor=self.descriptor).rows
        found = Measured(faults, rows)
        if not plan.excluded and not passing:  # a worker that died may have died of something else than the image
            _keep(self.cache / plan.filename, found)
        return found


def measure(
    machine: Machine, reader: ImageReader, table: SampleTable, *, descriptor: bool = False, what: str = "source"
) -> tuple[SampleTable, Measurements]:
    """Measures every usable image of a table that is not known from an earlier audit.

    Args:
        machine: where it runs.
        reader: of the source.
        table: every entry that the source lists.
        descriptor: whether the descriptors for suspects of wrong labels are measured too.
        what: the name of these images; those of another name are remembered apart.

    Returns:
        The table with what cannot be decoded quarantined, and one row of measurements for each of its rows.
    """
    cache = machine.workspace.private / "evidence" / what
    cache.mkdir(parents=True, exist_ok=True)
    # Where every file says itself whether it changed, the table that lists them may change without a new look.
    own = bool(table.stamp[table.ok()].any(axis=1).all())
    source = f"{reader.source!r} {'' if own else reader.source.digest()}"
    job = fingerprint(versions(), reader.options, descriptor, str(ROW), source)
    plans = [
        ShardPlan(index, f"{fingerprint(job, _content(items))}.bin", None, items, "")
        for index, items in enumerate(_chunks(table))
    ]
    found: dict[int, Measured] = {}
    for plan in plans:
        kept = None if machine.force else _kept(cache / plan.filename, len(plan.items), descriptor)
        if kept is not None:
            found[plan.index] = kept
    missing = [plan for plan in plans if plan.index not in found]
    if missing:
        worker = MeasureJob(reader, cache, descriptor)
        for plan, result in results(machine, worker, missing, WHAT, sum(len(plan.items) for plan in missing)):
            found[plan.index] = result
    else:
        machine.monitor.note(f"{WHAT}: {len(table)} images are known from before")
    current = {plan.filename for plan in plans}
    for path in cache.iterdir():
        if path.name not in current:
            path.unlink(missing_ok=True)
    return _together(table, [found[plan.index] for plan in plans])


def _chunks(table: SampleTable) -> Iterator[SampleTable]:
    """Cuts a table where a hash of a row says so: a row that comes or goes changes the chunk that it is in alone."""
    mean = SMALLEST
    while mean < min(LARGEST, len(table) // CHUNKS):
        mean *= 2
    start = 0
    for row, location in enumerate(table.location):
        size = row - start
        cut = size >= mean // 2 and zlib.crc32(location.encode("utf-8", "surrogateescape")) % mean == 0
        if cut or size >= 2 * mean:
            yield table[start:row]
            start = row
    if start < len(table):
        yield table[start:]


def _content(items: SampleTable) -> str:
    """A hash of what decides about the pixels: labels and attributes may change without a new look at them."""
    state = hashlib.blake2b(items.stamp.tobytes(), digest_size=16)
    items.location.update(state)
    items.status.update(state)
    return state.hexdigest()


def _together(table: SampleTable, chunks: list[Measured]) -> tuple[SampleTable, Measurements]:
    reasons = list(table.reason)
    status: list[str] = list(table.status)
    start = 0
    for chunk in chunks:
        for item, reason in chunk.faults.items():
            status[start + item] = "quarantined"
            reasons[start + item] = reason
        start += len(chunk.rows)
    final = table.with_columns(status=CategoryColumn.of(status), reason=CategoryColumn.of(reasons))
    return final, Measurements.joined(Measurements(chunk.rows) for chunk in chunks)


def _keep(path: Path, found: Measured) -> None:
    head = json.dumps({str(item): reason for item, reason in found.faults.items()}).encode()
    commit(path, [len(head).to_bytes(8, "little"), head, found.rows.tobytes()], durable=False)


def _kept(path: Path, items: int, descriptor: bool) -> Measured | None:
    try:
        data = path.read_bytes()
        end = 8 + int.from_bytes(data[:8], "little")
        faults = {int(item): reason for item, reason in json.loads(data[8:end]).items()}
        rows = np.frombuffer(data[end:], FULL_ROW if descriptor else ROW)
    except (OSError, ValueError, AttributeError):
        return None
    return Measured(faults, rows) if len(rows) == items else None
