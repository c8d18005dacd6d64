"""The work on one shard of the convert stage."""

from dataclasses import dataclass

from imgprep.dataset.row_format import IMAGE, ImageFormat
from imgprep.engines.base import Heartbeat
from imgprep.errors import RequestError
from imgprep.pipeline.earlier_rows import EarlierRows
from imgprep.pipeline.image_loop import in_runs
from imgprep.pipeline.image_reader import Pixels
from imgprep.pipeline.plan import ShardPlan, ShardRecord
from imgprep.pipeline.planned_rows import opened
from imgprep.pipeline.shard_job import ShardJob
from imgprep.pipeline.writer import ShardWriter
from imgprep.stages.convert.known_rows import KnownRows
from imgprep.stages.convert.prepare import Prepare
from imgprep.stages.convert.shard_rows import MASK, ShardRows
from imgprep.table.sample import Sample, SampleTable
from imgprep.table.targets import Target


@dataclass(frozen=True, slots=True)
class ConvertJob(ShardJob[SampleTable]):
    """Makes one shard of the stage.

    Attributes:
        prepare: turns a sample into pixels.
        image: format that every image must have.
        example: id of the image that determined the format; '' when the settings did.
        classes: in index order.
        writer: writes the shard.
        where: file and line of the section in the spec, for messages.
        settings: a hash of the settings that decide the pixels.
        earlier: rows of an earlier run; None where there are none.
        targets: of which the plans have columns.
    """

    prepare: Prepare
    image: ImageFormat
    example: str
    classes: tuple[str, ...]
    writer: ShardWriter
    where: str
    settings: str = ""
    earlier: EarlierRows | None = None
    targets: tuple[Target, ...] = ()

    def make(self, plan: ShardPlan[SampleTable], heartbeat: Heartbeat) -> ShardRecord:
        """Makes the shard.

        Raises:
            RequestError: an image has another size than the first one, and the spec gives none.
            ResourceError: the file cannot be written.
        """
        codes = {name: code for code, name in enumerate(self.classes)}
        images = self.writer.buffer.rows((int(plan.items.ok().sum()), *self.image.shape), self.image.dtype)
        masks = self.prepare.reader.masks
        rows = ShardRows(plan, images, codes, masked=masks is not None, targets=self.targets)
        with opened(self.earlier, plan.rows, (IMAGE,) if masks is None else (IMAGE, MASK), plan.excluded) as earlier:
            known = None if earlier is None else KnownRows(earlier, masks)
            prepare = self.prepare.one_by_one(plan.excluded, known)
            for item, samples, run in in_runs(plan.items, heartbeat, None if known is None else known.at):
                if run is not None:
                    rows.copy(item, samples, run)
                    continue
                prepared = prepare(item, samples[0])
                if prepared.pixels is not None:
                    self._check(samples[0], prepared.pixels)
                rows.add(item, samples[0], prepared)
        return self.writer.write(rows.record(), rows.arrays(), lines=rows.lines, rows=rows.records(self.settings))

    def _check(self, sample: Sample, pixels: Pixels) -> None:
        if pixels.shape == self.image.shape and pixels.dtype == self.image.dtype:
            return
        raise RequestError(
            f"{self.where}: convert.size: {sample.id} becomes {_describe(pixels.shape, pixels.dtype.name)}, "
            f"but {self.example} {_describe(self.image.shape, self.image.dtype)}; all images must agree: "
            "give convert.size as [height, width], convert.channels (rgb or gray) and convert.depth (8 or 16)"
        )


def _describe(shape: tuple[int, ...], dtype: str) -> str:
    return f"{shape[0]}x{shape[1]}x{shape[2]} {dtype}"
