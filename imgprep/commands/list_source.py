"""Lists a source; a file of many images in a worker, as an unchecked file can crash or stall its library."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import NamedTuple

from imgprep.arrays.progress_hook import in_steps, stepping
from imgprep.commands.listing_notes import check_blank, check_folders, skipped, wrapped
from imgprep.engines.base import Engine, Heartbeat, WholePlan
from imgprep.errors import SourceError, one_line
from imgprep.sources.arrays import accepting_numbers
from imgprep.sources.attributes import AttributeTable, Unmatched, join_attributes
from imgprep.sources.base import Source
from imgprep.sources.split_names import USUAL, SplitNames
from imgprep.sources.splits import SplitReader
from imgprep.table.sample import Alike, Sample, SampleTable
from imgprep.table.targets import Target


class Listed(NamedTuple):
    """The content of a source.

    Attributes:
        table: every entry found.
        order: the classes in index order, where the source gives it; else None.
        declared: folders and groups that stand for classes, with or without images.
        unmatched: images and rows of the table of attributes without a partner; None when all have one.
        notes: for the user, one line each.
    """

    table: SampleTable
    order: tuple[str, ...] | None
    declared: tuple[str, ...]
    unmatched: Unmatched | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing(WholePlan):
    """A source to list.

    Attributes:
        source: the source.
        attributes: a table of further columns.
        splits: the meaning of its names of splits.
        targets: whose columns it may hold in arrays.
        numbers: whether arrays may hold numbers of any type, because the spec says their range.
        fault: why it cannot be listed, after a worker died; '' for none.
    """

    source: Source
    attributes: Path | None = None
    splits: SplitNames = USUAL
    numbers: bool = False
    fault: str = ""
    targets: tuple[Target, ...] = ()

    def excluding(self, item: int, reason: str) -> "Listing":
        """A listing that is refused for this reason: no part of a container can be left out."""
        return replace(self, fault=reason)


def list_source(plan: Listing, heartbeat: Heartbeat) -> Listed:
    """Lists a source, step by step.

    Raises:
        RequestError: a table is wrong, or the source is not of its layout.
        SourceError: it is refused as a whole.
    """
    if plan.fault:
        raise SourceError(
            f"{one_line(plan.source.path)}: refused as a whole: reading it {_cause(plan.fault)}; write the file anew, "
            "or raise execution.item_timeout or execution.memory_limit if it is sound"
        )
    steps = count()
    with stepping(lambda: heartbeat.at(next(steps))):
        listed = _listed(plan)
    heartbeat.done()
    return listed


def listing(plan: Listing, engine: Engine) -> Listed:
    """Lists a source, in a worker of the engine if it may crash its reader.

    Raises:
        RequestError: a table is wrong, or the source is not of its layout.
        SourceError: it is refused as a whole.
    """
    if not plan.source.isolated:
        return _listed(plan)
    (outcome,) = engine.run(list_source, [plan])
    if outcome.value is None:
        assert outcome.error is not None
        raise outcome.error
    return outcome.value


def _listed(plan: Listing) -> Listed:
    with accepting_numbers(plan.numbers):
        return _read(plan)


def _read(plan: Listing) -> Listed:
    source, joined = plan.source, None
    splits = SplitReader(plan.splits, source)
    if plan.targets or plan.attributes is not None:
        samples: Iterable[Sample] = source.samples()
        if plan.targets:
            samples = source.with_columns(samples, plan.targets)
        if plan.attributes is not None:
            samples, joined = join_attributes(samples, plan.attributes, plan.splits, _folder(source))
        found: Iterator[Sample | Alike] = splits.read(samples)
    else:
        found = splits.read_together(source.samples_together())
    table = splits.resolved(SampleTable.of(in_steps(found)))
    check_blank(splits, source, joined)
    order = source.classes()
    declared = source.declared_classes() if order is None else ()
    missed = joined.unmatched() if joined is not None else None
    notes = (
        *_moved(joined),
        *splits.notes(),
        *check_folders(splits, source, table),
        *wrapped(source, table),
        *skipped(table),
    )
    return Listed(table, order, declared, missed if missed and (missed.samples or missed.rows) else None, notes)


def _folder(source: Source) -> Path:
    """The folder that the locations of a source are relative to."""
    table = source.table()
    return getattr(source, "image_root", None) or (source.path if table is None else table.parent)


def _moved(table: AttributeTable | None) -> Iterator[str]:
    """A note on images that the table of attributes puts into another split than the source."""
    moved = table.moved() if table is not None else None
    if moved is not None and moved.images:
        yield (
            f"source.attributes: {moved.images} images ({one_line(moved.first, 80)} ...) have another split there than "
            "in the source; the table decides"
        )


def _cause(fault: str) -> str:
    """The fault of an item, worded for the reader of a file."""
    return fault.replace("decoder died", "killed its reader").replace("out of memory", "needs too much memory")
