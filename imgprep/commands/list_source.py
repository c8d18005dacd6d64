"""Lists a source: files of many images in a worker, for one that nobody has checked can crash or stall its library."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import NamedTuple

from imgprep.arrays.progress_hook import in_steps, stepping
from imgprep.commands.listing_notes import check_blank, check_folders, skipped
from imgprep.engines.base import Engine, Heartbeat, WholePlan
from imgprep.errors import SourceError, one_line
from imgprep.sources.attributes import AttributeTable, Unmatched, join_attributes
from imgprep.sources.base import Source
from imgprep.sources.split_names import USUAL, SplitNames
from imgprep.sources.splits import SplitReader
from imgprep.table.sample import SampleTable


class Listed(NamedTuple):
    """What a source holds.

    Attributes:
        table: every entry found.
        order: the classes in index order, where the source itself gives it.
        declared: folders and groups that are named as classes are, with images or without.
        unmatched: which images and rows of the table of attributes found no partner; None when all did.
        notes: what else the user should know, one line each.
    """

    table: SampleTable
    order: tuple[str, ...] | None
    declared: tuple[str, ...]
    unmatched: Unmatched | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing(WholePlan):
    """A source to be listed.

    Attributes:
        source: the source.
        attributes: a table of further columns.
        splits: what the names of its splits mean.
        fault: why it cannot be: what a worker died of; '' when none did.
    """

    source: Source
    attributes: Path | None = None
    splits: SplitNames = USUAL
    fault: str = ""

    def excluding(self, item: int, reason: str) -> "Listing":
        """A listing that says why the source is refused: no part of a container can be left out."""
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


def listing(source: Source, attributes: Path | None, engine: Engine, splits: SplitNames = USUAL) -> Listed:
    """Lists a source; in the engine, when it is of a kind that may do harm to who reads it.

    Raises:
        RequestError: a table is wrong, or the source is not of its layout.
        SourceError: it is refused as a whole.
    """
    plan = Listing(source, attributes, splits)
    if not source.isolated:
        return _listed(plan)
    (outcome,) = engine.run(list_source, [plan])
    if outcome.value is None:
        assert outcome.error is not None
        raise outcome.error
    return outcome.value


def _listed(plan: Listing) -> Listed:
    source, joined = plan.source, None
    samples = source.samples()
    if plan.attributes is not None:
        samples, joined = join_attributes(samples, plan.attributes, plan.splits, _folder(source))
    splits = SplitReader(plan.splits, source)
    table = splits.settled(SampleTable.of(in_steps(splits.read(samples))))
    check_blank(splits, source, joined)
    order = source.classes()
    declared = source.declared_classes() if order is None else ()
    missed = joined.unmatched() if joined is not None else None
    notes = (*_moved(joined), *splits.notes(), *check_folders(splits, source, table), *skipped(table))
    return Listed(table, order, declared, missed if missed and (missed.samples or missed.rows) else None, notes)


def _folder(source: Source) -> Path:
    """The folder that the locations of a source are relative to."""
    table = source.table()
    return getattr(source, "image_root", None) or (source.path if table is None else table.parent)


def _moved(table: AttributeTable | None) -> Iterator[str]:
    """Whether a table of attributes gives images another split than the source does."""
    moved = table.moved() if table is not None else None
    if moved is not None and moved.images:
        yield (
            f"source.attributes: {moved.images} images ({one_line(moved.first, 80)} ...) have another split there than "
            "in the source; the table decides"
        )


def _cause(fault: str) -> str:
    """The fault of an item as what happened to the reader of a file."""
    return fault.replace("decoder died", "killed its reader").replace("out of memory", "needs too much memory")
