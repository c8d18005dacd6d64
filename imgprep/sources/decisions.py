"""The table of decisions: images that are left out, labelled anew, or kept although a rule complains."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple, get_args

from imgprep.dataset.manifest import commit
from imgprep.errors import RequestError, ResourceError, one_line
from imgprep.settings.problems import shown, suggestion, unknown
from imgprep.sources.attributes import is_json
from imgprep.sources.csvtable import Row, find_delimiter, read_csv
from imgprep.util.spreadsheet import protect, unprotect

Action = Literal["exclude", "relabel", "keep"]
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
COLUMNS: Final = ("id", "action", "value", "reason", "rule", "by", "at")
REQUIRED: Final = COLUMNS[:2]
SHOWN: Final = 20
"""Wrong rows that an error lists."""


class Decision(NamedTuple):
    """One row of the table.

    Attributes:
        id: of the image.
        action: ``exclude`` leaves the image out, ``relabel`` replaces its label, ``keep`` settles findings about it.
        value: the new label of ``relabel``; '' for the others.
        reason: why.
        rule: the id of the rule that raised the question; '' for none. ``keep`` without one is for every rule.
        by: who decided.
        at: when.
        line: of the row in its file, from 1 on; 0 for a new decision.
    """

    id: str
    action: Action
    value: str = ""
    reason: str = ""
    rule: str = ""
    by: str = ""
    at: str = ""
    line: int = 0

    def contradicts(self, other: "Decision") -> bool:
        """Returns whether not both can hold for one image.

        >>> Decision("a", "exclude").contradicts(Decision("a", "keep")), Decision("a", "relabel", "b").contradicts(
        ...     Decision("a", "keep")
        ... )
        (True, False)
        """
        actions = {self.action, other.action}
        if len(actions) == 1:
            return self.value != other.value
        return "exclude" in actions

    def repeats(self, other: "Decision") -> bool:
        """Returns whether it decides nothing that the other does not."""
        same = self.action == other.action and self.value == other.value
        return same and (self.action != "keep" or other.rule in {"", self.rule})


def read_decisions(path: Path) -> tuple[Decision, ...]:
    """Reads a table of decisions: CSV with commas, semicolons or tabs; without the rows that repeat others.

    Only the columns ``id`` and ``action`` are required. Blanks around cells and the case of actions do not matter.

    Args:
        path: the table.

    Raises:
        RequestError: with file and line, all of them: the file cannot be read, a column is missing or unknown, an
            action is unknown, a value is missing or superfluous, or rows contradict each other.
        ResourceError: it may not be read.
    """
    name = one_line(path)
    if is_json(path):
        raise RequestError(f"{name}: a table of decisions is CSV or TSV; save it so")
    if not path.is_file():
        raise RequestError(f"{name}: cannot read the decisions: no such file; `imgprep curate` writes one")
    delimiter, header = find_delimiter(path, REQUIRED)
    columns = _columns(name, header)
    read: dict[str, list[Decision]] = {}
    found: list[Decision] = []
    problems: list[str] = []
    for row in read_csv(path, delimiter, quotes='"'):
        try:
            decision = _decision(row, columns)
            others = read.setdefault(decision.id, []) if decision is not None else []
            if decision is None or any(decision.repeats(other) for other in others):
                continue
            _check_agreement(decision, others)
            others.append(decision)
            found.append(decision)
        except ValueError as error:
            problems.append(f"{name}:{row.line}: {error}")
    refuse(path, problems)
    return tuple(found)


def refuse(path: Path, problems: Sequence[str]) -> None:
    """Raises one error for all that is wrong with the rows of a table; none when nothing is.

    Args:
        path: the table.
        problems: one line each, with file and line.

    Raises:
        RequestError: something is wrong.
    """
    if problems:
        rest = len(problems) - SHOWN
        more = [f"{one_line(path)}: and {rest} more rows like these"] if rest > 0 else []
        raise RequestError("\n".join([*problems[:SHOWN], *more]))


def write_decisions(path: Path, decisions: Iterable[Decision]) -> None:
    """Writes a table of decisions, in the order given; no spreadsheet takes a cell for a formula.

    The file has all rows or is as it was before, also after a crash. A table with semicolons or tabs becomes one with
    commas, unless its name ends in ``.tsv``.

    Args:
        path: the table, in a folder that exists.
        decisions: that agree with each other, see `merge_decisions`.

    Raises:
        ResourceError: it cannot be written.
    """
    if not path.absolute().parent.is_dir():
        raise ResourceError(
            f"{one_line(path)}: cannot write: there is no folder '{one_line(path.parent)}'; make it first"
        )
    commit(path, decisions_table(path, decisions))


def decisions_table(path: Path, decisions: Iterable[Decision]) -> bytes:
    """The content of a table of decisions of this name; see `write_decisions`."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([protect(str(cell)) for cell in decision[: len(COLUMNS)]] for decision in decisions)
    return text.getvalue().encode("utf-8", "backslashreplace")


def merge_decisions(decided: Iterable[Decision], new: Iterable[Decision]) -> tuple[Decision, ...]:
    """Adds decisions to those that are there, which count: a new one that contradicts or repeats one is left out.

    To replace a decision, leave the old one out of the first argument.

    Args:
        decided: kept as they are, in their order.
        new: added after them, in their order.
    """
    merged: list[Decision] = []
    of_image: dict[str, list[Decision]] = {}
    for decision in decided:
        merged.append(decision)
        of_image.setdefault(decision.id, []).append(decision)
    for decision in new:
        others = of_image.setdefault(decision.id, [])
        if not any(decision.contradicts(other) or decision.repeats(other) for other in others):
            merged.append(decision)
            others.append(decision)
    return tuple(merged)


def _columns(name: str, header: Sequence[str]) -> dict[str, str]:
    """The name of each column of the table in this file.

    Raises:
        RequestError: one is missing, or one is unknown.
    """
    columns = {column.strip().casefold(): column for column in header}
    for column in REQUIRED:
        if column not in columns:
            there = one_line(", ".join(header), 120)
            raise RequestError(
                f"{name}:1: no column {column!r}, there are: {there}; the columns are {', '.join(COLUMNS)}"
            )
    for column in columns.keys() - set(COLUMNS):
        raise RequestError(f"{name}:1: {unknown('column', columns[column], COLUMNS)}; remove or rename it")
    return columns


def _decision(row: Row, columns: dict[str, str]) -> Decision | None:
    """The decision of a row; None for a row of empty cells.

    Raises:
        ValueError: the row is wrong; the message is one line.
    """
    cells = {
        column: unprotect(str(row.values[columns[column]])).strip() if column in columns else "" for column in COLUMNS
    }
    if not any(cells.values()):
        return None
    if not cells["id"]:
        raise ValueError("the id is missing; say which image the row is about")
    given = cells["action"].casefold()
    action = next((known for known in ACTIONS if known == given), None)
    if action is None:
        what = f"unknown action {shown(cells['action'])}" if given else "the action is missing"
        hint = suggestion(given, ACTIONS) or f"the actions are {', '.join(ACTIONS)}"
        raise ValueError(f"{what}; {hint}")
    if action == "relabel" and not cells["value"]:
        raise ValueError("relabel without a value; give the new label in the column value")
    if action != "relabel" and cells["value"]:
        raise ValueError(
            f"{action} takes no value, not {shown(cells['value'])}; empty the cell, or did you mean relabel?"
        )
    rest = {column: cells[column] for column in COLUMNS[2:]}
    return Decision(cells["id"], action, **rest, line=row.line)


def _check_agreement(decision: Decision, others: Iterable[Decision]) -> None:
    for other in others:
        if decision.contradicts(other):
            said = f"{other.action} {shown(other.value)}" if other.value else other.action
            raise ValueError(
                f"{one_line(decision.id, 120)} has another decision in line {other.line} ({said}); keep one of them"
            )
