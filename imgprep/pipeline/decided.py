"""Decisions applied to a listed source: before anything is measured or made of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from imgprep.errors import one_line
from imgprep.settings.problems import shown, suggestion
from imgprep.sources.attributes import spelling
from imgprep.sources.decisions import Decision, refuse
from imgprep.table.columns import CategoryColumn
from imgprep.table.sample import SampleTable
from imgprep.util.quantity import quantity

SKIPPED: Final = "skipped"
FIRST: Final = 3
"""Ids that a note names."""


@dataclass(frozen=True, slots=True)
class Decided:
    """The effect of a table of decisions on a source.

    Attributes:
        path: the table.
        sha256: of its bytes.
        excluded: row -> the reason why it is left out.
        undecided: the source as it was listed.
        relabelled: ids of images with another label than in the source.
        kept: id -> the rules of which it settles the findings; '' is any.
        unknown: ids of decisions that are of no image here.
        idle: how many decisions change nothing: of entries that are no images, or have the label already.
    """

    path: Path
    sha256: str
    excluded: Mapping[int, str]
    undecided: SampleTable
    relabelled: frozenset[str]
    kept: Mapping[str, frozenset[str]]
    unknown: tuple[str, ...] = ()
    idle: int = 0

    def counts(self) -> dict[str, int]:
        """The number of images that are left out, labelled anew and kept."""
        return {"excluded": len(self.excluded), "relabelled": len(self.relabelled), "kept": len(self.kept)}

    def summary(self) -> dict[str, Any]:
        """The counts with the digest of the table, as ``dataset.json`` has them."""
        return {"sha256": self.sha256, **self.counts()}

    def without_source(self) -> "Decided":
        """A copy with ids alone; the listing of the source is as large as the source, and is dropped."""
        return replace(self, undecided=SampleTable.of(()))

    def as_listed(self, table: SampleTable) -> SampleTable:
        """The table with those that are left out as they were listed; what is measured then is known the next time."""
        return table.with_columns(status=self.undecided.status, reason=self.undecided.reason)

    def without_excluded(self, table: SampleTable) -> SampleTable:
        """The table without those that are left out, whatever was found out about them."""
        status = table.status.replaced(dict.fromkeys(self.excluded, SKIPPED))
        return table.with_columns(status=status, reason=table.reason.replaced(self.excluded))

    def notes(self) -> tuple[str, ...]:
        """Notes for the user, one line each."""
        name = one_line(self.path)
        said = [f"decisions: {counted(self.counts())} ({name})"]
        if self.unknown:
            first = one_line(", ".join(self.unknown[:FIRST]), 200) + (" ..." if len(self.unknown) > FIRST else "")
            ids = quantity(len(self.unknown), "id", "is")
            said.append(
                f"source.decisions: warning: {ids} of no image here ({first}); correct {name} or remove the rows"
            )
        if self.idle:
            rows = quantity(self.idle, "decision", "changes")
            said.append(f"source.decisions: {rows} nothing: no image, or of that label already")
        return tuple(said)


def counted(counts: Mapping[str, int]) -> str:
    """The counts of decisions, for people.

    >>> counted({"excluded": 2, "relabelled": 1, "kept": 0})
    '2 excluded, 1 relabelled, 0 kept'
    """
    return ", ".join(f"{count} {what}" for what, count in counts.items())


def apply_decisions(
    table: SampleTable, decisions: Sequence[Decision], path: Path, sha256: str, classes: Iterable[str]
) -> tuple[SampleTable, Decided]:
    """Leaves images out and labels them anew.

    An id in another spelling (backslashes, composed characters) is found where it is of one image only.

    Args:
        table: as listed.
        decisions: about its images.
        path: of the table of decisions.
        sha256: of its bytes.
        classes: that a new label may name.

    Raises:
        RequestError: with file and line: a new label is no class, or two spellings of an id contradict each other.
    """
    rows = _rows(table, decisions)
    _check(path, decisions, rows, tuple(classes))
    excluded: dict[int, str] = {}
    labels: dict[int, str] = {}
    kept: dict[str, set[str]] = {}
    unknown: dict[str, None] = {}
    idle = 0
    for decision in decisions:
        row = rows.get(decision.id)
        if row is None:
            unknown[decision.id] = None
        elif table.status[row] == SKIPPED or (decision.action == "relabel" and table.label[row] == decision.value):
            idle += 1
        elif decision.action == "exclude":
            excluded[row] = _reason(decision)
        elif decision.action == "relabel":
            labels[row] = decision.value
        else:
            kept.setdefault(table.id[row], set()).add(decision.rule)
    before = CategoryColumn(np.zeros(len(table), np.uint8), ("",)).replaced({row: table.label[row] for row in labels})
    decided = Decided(
        path,
        sha256,
        excluded,
        table,
        frozenset(table.id[row] for row in labels),
        {id_: frozenset(rules) for id_, rules in kept.items()},
        tuple(unknown),
        idle,
    )
    if labels:
        table = table.with_columns(label=table.label.replaced(labels), original_label=before)
    return decided.without_excluded(table), decided


def _rows(table: SampleTable, decisions: Iterable[Decision]) -> dict[str, int]:
    """Id as a decision has it -> the row of its image; the others are missing."""
    wanted = {decision.id for decision in decisions}
    rows = {id_: row for row, id_ in enumerate(table.id) if id_ in wanted}
    if others := wanted - rows.keys():
        keys = {spelling(id_, "") for id_ in others}
        found: dict[str, list[int]] = {}
        for row, id_ in enumerate(table.id):
            if (key := spelling(id_, "")) in keys:
                found.setdefault(key, []).append(row)
        for id_ in others:
            if len(same := found.get(spelling(id_, ""), [])) == 1:
                rows[id_] = same[0]
    return rows


def _check(path: Path, decisions: Iterable[Decision], rows: Mapping[str, int], classes: tuple[str, ...]) -> None:
    known, problems = set(classes), []
    of_row: dict[int, list[Decision]] = {}
    for decision in decisions:
        where = f"{one_line(path)}:{decision.line}"
        if decision.action == "relabel" and decision.value not in known:
            hint = suggestion(decision.value, classes) or f"the classes are {one_line(', '.join(classes), 120)}"
            problems.append(
                f"{where}: unknown class {shown(decision.value)}; {hint}; list a new class in source.classes"
            )
        row = rows.get(decision.id)
        others = of_row.setdefault(row, []) if row is not None else []
        if other := next((other for other in others if other.contradicts(decision)), None):
            problems.append(f"{where}: {shown(decision.id)} is the image of line {other.line} too; keep one decision")
        others.append(decision)
    refuse(path, problems)


def _reason(decision: Decision) -> str:
    why = decision.reason or decision.rule
    return one_line(f"excluded by a decision: {why}" if why else "excluded by a decision")


def check_rules(path: Path, decisions: Iterable[Decision], rules: Mapping[str, bool]) -> None:
    """Refuses to keep images for a rule that does not exist, or that is not about single images.

    Args:
        path: of the table of decisions.
        decisions: to be checked.
        rules: id of a rule -> whether it is about single images.

    Raises:
        RequestError: with file and line.
    """
    problems = []
    for decision in decisions:
        if decision.action != "keep" or not decision.rule or rules.get(decision.rule):
            continue
        where = f"{one_line(path)}:{decision.line}"
        if decision.rule in rules:
            problems.append(
                f"{where}: {decision.rule} is no rule about single images; accept its failure with a waiver"
            )
        else:
            hint = suggestion(decision.rule, rules) or f"the rules are {', '.join(rules)}"
            problems.append(f"{where}: unknown rule {shown(decision.rule)}; {hint}")
    refuse(path, problems)
