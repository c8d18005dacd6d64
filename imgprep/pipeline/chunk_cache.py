"""A cache in a folder for work on single images, by the chunk: reused while the images' files do not change."""

import hashlib
import itertools
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

from imgprep.dataset.manifest import fingerprint
from imgprep.engines.base import Function
from imgprep.pipeline.image_reader import ImageReader
from imgprep.pipeline.plan import ShardPlan
from imgprep.pipeline.runner import RunContext, results, tell_made_ahead
from imgprep.table.sample import SampleTable
from imgprep.util.versions import versions

CHUNKS: Final = 32
SMALLEST: Final = 64
LARGEST: Final = 512

R = TypeVar("R")
Plan = ShardPlan[SampleTable]


@dataclass(frozen=True, slots=True)
class ChunkCache(Generic[R]):
    """The cached results of one kind of work.

    Attributes:
        folder: holds one file per chunk, written by the worker under the file name of the plan.
        read: reads the file of a chunk, given its number of images; None when the file is missing or incomplete.
        what: name of the work, for the progress display.
    """

    folder: Path
    read: Callable[[Path, int], R | None]
    what: str

    def plans(self, reader: ImageReader, table: SampleTable, *settings: object) -> list[Plan]:
        """The chunks of a table, each named by a hash of everything that its results depend on."""
        job = fingerprint(versions(), reader.options, *settings, _origin(reader, table))
        return [
            ShardPlan(index, f"{fingerprint(job, _content(items))}.bin", None, items, "")
            for index, items in enumerate(_chunks(table))
        ]

    def known(self, context: RunContext, plan: Plan) -> R | None:
        """The cached result of a chunk; with ``--force`` only what this run computed."""
        if context.force and plan.filename not in context.ahead.chunks:
            return None
        return self.read(self.folder / plan.filename, len(plan.items))

    def results(
        self, context: RunContext, function: Function[Plan, R], plans: list[Plan]
    ) -> Iterator[tuple[slice, R, bool]]:
        """Yields (rows of the table, result, whether this run computed it): cached results first, then the others.

        Those come as they finish. Cached files of other plans are removed at the end.
        """
        ends = list(itertools.accumulate(len(plan.items) for plan in plans))
        rows = {plan.index: slice(end - len(plan.items), end) for plan, end in zip(plans, ends, strict=True)}
        missing, ahead = [], 0
        for plan in plans:
            kept = self.known(context, plan)
            if kept is None:
                missing.append(plan)
            else:
                fresh = plan.filename in context.ahead.chunks
                ahead += plan.items.images() if fresh else 0
                yield rows[plan.index], kept, fresh
        if ahead:
            tell_made_ahead(context, self.what, ahead)
        if missing:
            items = sum(plan.items.images() for plan in missing)
            for plan, found in results(context, function, missing, self.what, items):
                yield rows[plan.index], found, True
        keep_only(self.folder, {plan.filename for plan in plans})


def keep_only(folder: Path, wanted: Collection[str]) -> set[str]:
    """Removes all other files from a folder; returns the names of the wanted files that are there."""
    there = set()
    for path in folder.iterdir():
        if path.name in wanted:
            there.add(path.name)
        else:
            path.unlink(missing_ok=True)
    return there


def _origin(reader: ImageReader, table: SampleTable) -> str:
    """Identifies what the pixels depend on besides the table's rows.

    Where every file has a stamp of its own, a change of the table that lists them invalidates nothing.
    """
    own = bool(table.stamp[table.ok()].any(axis=1).all())
    return f"{reader.source.origin()!r} {'' if own else reader.source.digest()}"


def _chunks(table: SampleTable) -> Iterator[SampleTable]:
    """Cuts a table where a hash of a row says so: an added or removed row changes only its own chunk."""
    mean = SMALLEST
    while mean < min(LARGEST, len(table) // CHUNKS):
        mean *= 2
    start = 0
    for row, location in enumerate(table.location.encoded()):
        size = row - start
        cut = size >= mean // 2 and zlib.crc32(location) % mean == 0
        if cut or size >= 2 * mean:
            yield table[start:row]
            start = row
    if start < len(table):
        yield table[start:]


def _content(items: SampleTable) -> str:
    """A hash of the columns that decide the pixels; a change of labels or attributes invalidates nothing."""
    state = hashlib.blake2b(items.stamp.tobytes(), digest_size=16)
    items.location.update(state)
    items.status.update(state)
    return state.hexdigest()
