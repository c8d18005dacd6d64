"""--dry-run: what a command would do, and what it would cost; nothing is written."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from imgprep.commands.augmenting import amounts
from imgprep.commands.building import Collection, collect, conversion, storage_of
from imgprep.commands.dividing import split_settings
from imgprep.commands.packing import pack_settings
from imgprep.commands.session import Request, Silent, engine_for, workers_of
from imgprep.engines import Engine
from imgprep.manifest import ImageFormat
from imgprep.sample import SampleTable
from imgprep.spec.images import AugmentSection
from imgprep.spec.loading import LoadedSpec
from imgprep.stages.copies import batches
from imgprep.stages.deciding import Assignment, class_codes, decide
from imgprep.stages.plan import shard_count
from imgprep.stages.run import Machine
from imgprep.stages.workspace import Workspace
from imgprep.stages.writer import Storage

COPIES: Final = 3
"""How often the pixels of a shard are in memory while it is written: rows, result, file."""


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """What one stage would write.

    Attributes:
        stage: its name.
        rows: images in each split.
        shards: files.
        bytes: of pixels.
    """

    stage: str
    rows: Mapping[str, int]
    shards: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a command would do.

    Attributes:
        output: where.
        found: entries of the source by status.
        classes: how many.
        stages: in order.
        workers: how many.
        worker_bytes: memory of each.
    """

    output: Path
    found: Mapping[str, int]
    classes: int
    stages: tuple[StageEstimate, ...]
    workers: int
    worker_bytes: int

    def text(self) -> str:
        """Lines for people."""
        lines = [
            f"source: {', '.join(f'{count} {status}' for status, count in self.found.items())}, {self.classes} classes"
        ]
        for stage in self.stages:
            rows = ", ".join(f"{count} {split}" for split, count in stage.rows.items())
            files = f"{stage.shards} shards, {_mebibytes(stage.bytes)}" if stage.shards else "tables only"
            lines.append(f"{stage.stage}: {rows}; {files} in {self.output / stage.stage}")
        lines.append(f"memory: {self.workers} workers of about {_mebibytes(self.worker_bytes)} and the image in hand")
        return "\n".join([*lines, "nothing was written"])


def plan(request: Request, last: str) -> Estimate:
    """Estimates a command up to its last stage.

    Raises:
        RequestError: the spec does not fit the source.
    """
    loaded = request.load()
    engine = engine_for(loaded)
    collection = collect(loaded, engine)
    stages = list(_estimates(loaded, collection, engine))
    names = [stage.stage for stage in stages]
    if last not in names:
        raise loaded.error("the section is missing; add it to say which images to make", last)
    stages = stages[: names.index(last) + 1]
    largest = max((stage.bytes // stage.shards for stage in stages if stage.shards), default=0)
    status = collection.table.status.counts()
    return Estimate(
        loaded.spec.output, status, len(collection.classes), tuple(stages), workers_of(loaded), COPIES * largest
    )


def _estimates(loaded: LoadedSpec, collection: Collection, engine: Engine) -> tuple[StageEstimate, ...]:
    # Nothing is written by looking at one image: the machine is only asked for its engine.
    machine = Machine(Workspace(loaded.spec.output), engine, Silent())
    stage = conversion(loaded, collection)
    _, image = stage.image(machine)
    usable = collection.table[np.flatnonzero(collection.table.ok())]
    converted = _sized("convert", {"all": len(usable)}, image, stage.storage)
    settings = split_settings(loaded, source_splits=any(usable.split.counts()))
    assignment = decide(usable, np.array([], np.int64), settings)
    rows = {name: int((assignment.codes == code).sum()) for code, name in enumerate(assignment.names)}
    found = [converted, StageEstimate("split", rows, 0, 0)]
    section = loaded.spec.augment
    if section is not None:
        made = _made(section, assignment, usable, collection.classes, loaded.spec.seed)
        found.append(_sized("augment", made, image, storage_of(section)))
        rows = {name: rows.get(name, 0) + made[name] for name in dict.fromkeys((*rows, *made))}
    packing = pack_settings(loaded)
    return *found, _sized("pack", rows, ImageFormat(image.shape, packing.dtype), storage_of(loaded.spec.pack))


def _made(
    section: AugmentSection, assignment: Assignment, table: SampleTable, classes: tuple[str, ...], seed: int
) -> Counter[str]:
    """How many images augmentation makes for each split; at most, where they need masks that nobody has looked at."""
    made: Counter[str] = Counter()
    for batch in batches(assignment, class_codes(table.label, classes), table.id, amounts(section), seed):
        made[batch.split] += len(batch.parents)
    return made


def _sized(name: str, rows: Mapping[str, int], image: ImageFormat, storage: Storage) -> StageEstimate:
    row_bytes = int(np.prod(image.shape)) * np.dtype(image.dtype).itemsize
    shards = sum(shard_count(count, row_bytes, storage.shard_size) for count in rows.values())
    return StageEstimate(name, rows, shards, row_bytes * sum(rows.values()))


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"
