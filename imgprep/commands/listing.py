"""Lists a source: files of many images in a worker, for one that nobody has checked can crash or stall its library."""

from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from imgprep.containers.steps import in_steps, stepping
from imgprep.engines.base import Cursor, Engine, WholePlan
from imgprep.errors import SourceError, one_line
from imgprep.sample import SampleTable
from imgprep.sources.attributes import Unmatched, join_attributes
from imgprep.sources.base import Source


class Listed(NamedTuple):
    """What a source holds.

    Attributes:
        table: every entry found.
        order: the classes in index order, where the source itself gives it.
        declared: folders and groups that are named as classes are, with images or without.
        unmatched: which images and rows of the table of attributes found no partner; None when all did.
    """

    table: SampleTable
    order: tuple[str, ...] | None
    declared: tuple[str, ...]
    unmatched: Unmatched | None = None


@dataclass(frozen=True, slots=True)
class Listing(WholePlan):
    """A source to be listed.

    Attributes:
        source: the source.
        attributes: a table of further columns.
        fault: why it cannot be: what a worker died of; '' when none did.
    """

    source: Source
    attributes: Path | None = None
    fault: str = ""

    def excluding(self, item: int, reason: str) -> "Listing":
        """A listing that says why the source is refused: no part of a container can be left out."""
        return replace(self, fault=reason)


def list_source(plan: Listing, cursor: Cursor) -> Listed:
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
    with stepping(lambda: cursor.at(next(steps))):
        listed = _listed(plan.source, plan.attributes)
    cursor.done()
    return listed


def listing(source: Source, attributes: Path | None, engine: Engine) -> Listed:
    """Lists a source; in the engine, when it is of a kind that may do harm to who reads it.

    Raises:
        RequestError: a table is wrong, or the source is not of its layout.
        SourceError: it is refused as a whole.
    """
    if not source.isolated:
        return _listed(source, attributes)
    (outcome,) = engine.run(list_source, [Listing(source, attributes)])
    if outcome.value is None:
        assert outcome.error is not None
        raise outcome.error
    return outcome.value


def _listed(source: Source, attributes: Path | None) -> Listed:
    samples: Any = source.samples()
    joined = None
    if attributes is not None:
        samples, joined = join_attributes(samples, attributes)
    table = SampleTable.of(in_steps(samples))
    order = source.classes()
    declared = source.declared_classes() if order is None else ()
    missed = joined.unmatched() if joined is not None else None
    return Listed(table, order, declared, missed if missed and (missed.samples or missed.rows) else None)


def _cause(fault: str) -> str:
    """The fault of an item as what happened to the reader of a file."""
    return fault.replace("decoder died", "killed its reader").replace("out of memory", "needs too much memory")
