"""Findings of an audit, and the report that holds all of them."""

import importlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from html import escape
from typing import Annotated, Any, ClassVar, Final, Literal

from annotated_types import Ge, Le

from imgprep.errors import one_line
from imgprep.util.quantity import quantity

Status = Literal["pass", "fail", "inconclusive", "skipped"]
Severity = Literal["error", "warning", "info", "off"]
Part = Annotated[float, Ge(0), Le(1)]
Value = Annotated[bool | int | float | str | None, "a number, text or None"]
SHOWN: Final = 20
"""Findings that a notebook shows."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict of one rule on one class, or on the whole collection.

    Attributes:
        rule: the id of the rule.
        status: ``skipped`` is for evidence that was not supplied, ``inconclusive`` for evidence that does not decide.
        severity: only a failing ``error`` makes the audit fail; ``info`` is for
            what is good to know, ``off`` for a failure that a waiver or baseline excuses.
        subject: the class; None for a statement about the whole.
        observed: what was found.
        threshold: what it was compared with.
        message: one line of what, where and why.
        samples: ids of the images concerned, all of them.
        source: where the rule comes from.
        excuse: why a failure does not count; '' when it does.
    """

    __pydantic_config__: ClassVar[Any] = {"strict": True, "revalidate_instances": "always"}

    rule: str
    status: Status
    severity: Severity
    subject: Annotated[str | None, "the name of a class, or None"] = None
    observed: Value = None
    threshold: Value = None
    message: str = ""
    samples: Annotated[tuple[str, ...], "a tuple of ids"] = ()
    source: str = ""
    excuse: str = ""

    @property
    def fatal(self) -> bool:
        """True if this finding alone makes the audit fail."""
        return self.status == "fail" and self.severity == "error"


@dataclass(frozen=True, slots=True)
class Table:
    """Measurements of each class by a rule, for people to look at; they are no verdict.

    Where a rule has a table, the report says once what the rule has against classes, unless these are errors.

    Attributes:
        title: what its cells are.
        columns: the names of the columns; the first is of the classes.
        rows: a class each: its name, then counts, and shares from 0 to 1; None for none.
        least: shares under it are marked.
        concern: what is the matter with the classes of findings that fail, as the end of a sentence.
    """

    __pydantic_config__: ClassVar[Any] = {"strict": True, "revalidate_instances": "always"}

    title: str
    columns: Annotated[tuple[str, ...], "a tuple of names"]
    rows: Annotated[tuple[tuple[str | int | Part | None, ...], ...], "a tuple of rows: text, numbers or None"]
    least: Annotated[Part, "a share"] = 0.0
    concern: str = "see the table"

    def short(self, cell: str | float | None) -> bool:
        """Tells whether a cell is a share under the least one."""
        return isinstance(cell, float) and cell < self.least


@dataclass(frozen=True, slots=True)
class Report:
    """The findings of one audit.

    Attributes:
        name: the name in the spec.
        images: how many images the source holds, unreadable ones included.
        augmented: how many images were made from them, when it is a stage that has such.
        findings: of every rule, passing and skipped ones too.
        counts: usable images per class.
        spec: the path of the spec file, for annotations; '' when there is none.
        decisions: how many images decisions leave out (``excluded``), label anew (``relabelled``) and keep (``kept``);
            empty without a table of decisions.
        tables: what rules measured, by their ids.
        lines: the line in the spec file of each rule that it mentions (1-based), and ``audit`` for the others.
    """

    name: str
    images: int
    findings: tuple[Finding, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    spec: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)
    augmented: int = 0
    decisions: Mapping[str, int] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """True if no rule of severity ``error`` fails."""
        return not any(finding.fatal for finding in self.findings)

    def line(self, rule: str) -> int:
        """The line of the spec file to point at for a rule."""
        return self.lines.get(rule, self.lines.get("audit", 1))

    @property
    def failed(self) -> Counter[Severity]:
        """How many findings of each severity failed; what was waived or switched off does not count."""
        return Counter(finding.severity for finding in self.findings if finding.status == "fail")

    def to_frame(self) -> Any:
        """The findings as a `pandas.DataFrame`, one in a row.

        Raises:
            ImportError: pandas is not installed.
        """
        names = [field.name for field in fields(Finding)]
        rows = [[getattr(finding, name) for name in names] for finding in self.findings]
        return importlib.import_module("pandas").DataFrame(rows, columns=names)

    def __repr__(self) -> str:
        """The verdict in a line; the findings are in `findings`."""
        failed = self.failed
        counts = ", ".join(quantity(failed[name], name) for name in ("error", "warning"))
        return f"<Report {self.name}: {'passed' if self.passed else 'failed'}, {self.images} images, {counts}>"

    def _repr_html_(self) -> str:
        """A table of what did not pass, for notebooks."""
        verdict = "passed" if self.passed else "failed"
        rows = [
            f"<tr><td>{finding.status}</td><td>{escape(finding.severity)}</td><td>{escape(finding.rule)}</td>"
            f"<td>{escape(one_line(finding.message, 300))}</td></tr>"
            for finding in self.findings
            if finding.status in {"fail", "inconclusive"}
        ]
        table = f"<table>{''.join(rows[:SHOWN])}</table>" if rows else ""
        more = f"<p>and {len(rows) - SHOWN} more</p>" if len(rows) > SHOWN else ""
        return f"<p><b>{escape(one_line(self.name, 100))}</b>: {verdict}, {self.images} images</p>{table}{more}"
