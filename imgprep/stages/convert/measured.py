"""Images that are measured for the audit as they are converted: read once, and decoded once where both see the same."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.checks.measure import Meter
from imgprep.checks.measure_images import Measured, measure_content
from imgprep.checks.measurements import FULL_ROW, ROW, Measurements
from imgprep.decoding.scaled_image import ScaledImage
from imgprep.engines.base import Heartbeat
from imgprep.pipeline.image_loop import Fault
from imgprep.pipeline.image_reader import Content, ImageReader
from imgprep.pipeline.plan import ShardPlan, ShardRecord
from imgprep.stages.convert.job import ConvertJob
from imgprep.table.sample import Sample, SampleTable


@dataclass(frozen=True, slots=True)
class MeasuredPlan(ShardPlan[SampleTable]):
    """A shard of convert, of which some images are measured.

    Attributes:
        measured: the items that are.
    """

    measured: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))


class MeasuredShard(NamedTuple):
    """A finished shard.

    Attributes:
        record: of it.
        measured: a row for each item that the plan names; None where an earlier run had finished the shard.
    """

    record: ShardRecord
    measured: Measured | None


@dataclass(frozen=True, slots=True)
class MeasuredConvertJob:
    """Makes a shard as convert does, and measures its images as the audit does.

    Attributes:
        convert: makes the shard.
        descriptor: whether the descriptors for suspects of wrong labels are measured too.
    """

    convert: ConvertJob
    descriptor: bool

    def __call__(self, plan: MeasuredPlan, heartbeat: Heartbeat) -> MeasuredShard:
        """Reads, measures and converts."""
        finished = self.convert.writer.finished(plan)
        if finished is not None:
            return MeasuredShard(finished, None)
        ids = [plan.items.id[item] for item in plan.measured.tolist()]
        observer = _Observer({*ids}, descriptor=self.descriptor)
        prepare = replace(self.convert.prepare, observer=observer)
        record = replace(self.convert, prepare=prepare).make(plan, heartbeat)
        return MeasuredShard(record, observer.measured(ids))


class _Observer:
    """Measures what is being prepared; see `imgprep.stages.convert.prepare.Observer`.

    Args:
        wanted: ids of the images to measure.
        descriptor: as for `Meter`.
    """

    def __init__(self, wanted: Collection[str], *, descriptor: bool) -> None:
        self._wanted = wanted
        self._descriptor = descriptor
        self._meter = Meter(descriptor=descriptor)
        self._done: dict[str, int] = {}
        self._faults: dict[str, Fault] = {}

    def look(self, reader: ImageReader, sample: Sample, content: Content) -> ScaledImage | None:
        if sample.id not in self._wanted:
            return None
        seen = measure_content(reader, self._meter, sample, content)
        self._done[sample.id] = len(self._done)
        return seen

    def failed(self, sample: Sample, fault: Fault) -> None:
        if sample.id not in self._done:  # else only what convert does to it failed
            self._faults[sample.id] = fault

    def measured(self, ids: Sequence[str]) -> Measured:
        """The measurements and faults of images, by their place among the ids."""
        rows = np.zeros(len(ids), FULL_ROW if self._descriptor else ROW)
        found = Measurements.of(self._meter.finish(), descriptor=self._descriptor).records()
        there = [item for item, id_ in enumerate(ids) if id_ in self._done]
        rows[there] = found[[self._done[ids[item]] for item in there]]
        faults = {item: self._faults[id_] for item, id_ in enumerate(ids) if id_ in self._faults}
        return Measured(
            {item: fault.reason for item, fault in faults.items()},
            rows,
            frozenset(item for item, fault in faults.items() if fault.transient),
        )
