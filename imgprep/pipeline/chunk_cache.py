"""Work on single images that is not done again while their files stay as they are: by the chunk, in a folder."""

import hashlib
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

from imgprep.dataset.manifest import fingerprint
from imgprep.engines.base import Function
from imgprep.pipeline.image_reader import ImageReader
from imgprep.pipeline.plan import ShardPlan
from imgprep.pipeline.runner import RunContext, results
from imgprep.pipeline.versions import versions
from imgprep.table.sample import SampleTable

CHUNKS: Final = 32
SMALLEST: Final = 64
LARGEST: Final = 2048

R = TypeVar("R")
Plan = ShardPlan[SampleTable]


@dataclass(frozen=True, slots=True)
class Memory(Generic[R]):
    """What is kept of a kind of work.

    Attributes:
        folder: where, a file for each chunk; whoever does the work writes them, by the file name of the plan.
        kept: reads the file of a chunk of so many images; None when it is not there or not whole.
        what: what the work is called.
    """

    folder: Path
    kept: Callable[[Path, int], R | None]
    what: str

    def plans(self, reader: ImageReader, table: SampleTable, *settings: object) -> list[Plan]:
        """The chunks of a table, each named by everything that the work on it depends on."""
        job = fingerprint(versions(), reader.options, *settings, _origin(reader, table))
        return [
            ShardPlan(index, f"{fingerprint(job, _content(items))}.bin", None, items, "")
            for index, items in enumerate(_chunks(table))
        ]

    def results(
        self, context: RunContext, function: Function[Plan, R], plans: list[Plan]
    ) -> Iterator[tuple[Plan, R, bool]]:
        """What the function gives for each plan, and whether it had to be asked: those first that are kept.

        What is kept of other plans is forgotten in the end.
        """
        missing = []
        for plan in plans:
            kept = None if context.force else self.kept(self.folder / plan.filename, len(plan.items))
            if kept is None:
                missing.append(plan)
            else:
                yield plan, kept, False
        if missing:
            items = sum(plan.items.images() for plan in missing)
            for plan, found in results(context, function, missing, self.what, items):
                yield plan, found, True
        tidied(self.folder, {plan.filename for plan in plans})


def tidied(folder: Path, wanted: Collection[str]) -> set[str]:
    """The names of the wanted files that are in a folder; the others are removed."""
    there = set()
    for path in folder.iterdir():
        if path.name in wanted:
            there.add(path.name)
        else:
            path.unlink(missing_ok=True)
    return there


def _origin(reader: ImageReader, table: SampleTable) -> str:
    """What the pixels of a table depend on besides its rows.

    Where every file says itself whether it changed, the table that lists them may change without a new look.
    """
    own = bool(table.stamp[table.ok()].any(axis=1).all())
    return f"{reader.source!r} {'' if own else reader.source.digest()}"


def _chunks(table: SampleTable) -> Iterator[SampleTable]:
    """Cuts a table where a hash of a row says so: a row that comes or goes changes the chunk that it is in alone."""
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
    """A hash of what decides about the pixels: labels and attributes may change without a new look at them."""
    state = hashlib.blake2b(items.stamp.tobytes(), digest_size=16)
    items.location.update(state)
    items.status.update(state)
    return state.hexdigest()
