"""Runs rules, the user's own among them; a defect in one of those is reported as such."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from imgprep.checks.base import Evidence, Finding, Judge, Table
from imgprep.checks.finding_check import checked_findings, checked_table
from imgprep.checks.plain_rules import PlainRule
from imgprep.errors import ImgprepError, RequestError

T = TypeVar("T")


def findings_of(rule: Judge, evidence: Evidence) -> list[Finding]:
    """The findings of a rule.

    Raises:
        RequestError: a rule that is not one of imgprep's own failed, or gave what is no finding.
    """
    return _asked(rule, lambda: list(rule(evidence)), checked_findings, "imgprep.checks.base.Finding")


def table_of(rule: Judge, evidence: Evidence) -> Table | None:
    """The table of a rule; None of one that has none.

    Raises:
        RequestError: a rule that is not one of imgprep's own failed, or gave what is no table.
    """
    make: Callable[[Evidence], Table | None] | None = getattr(rule, "table", None)
    if not callable(make):
        return None
    return _asked(
        rule,
        lambda: make(evidence),
        lambda table: None if table is None else checked_table(table),
        "imgprep.checks.base.Table",
    )


def _asked(rule: Judge, ask: Callable[[], T], check: Callable[[T], T], see: str) -> T:
    own: object = rule.judge if isinstance(rule, PlainRule) else rule
    kind: Any = own if inspect.isfunction(own) else type(own)
    if kind.__module__.startswith("imgprep."):
        return ask()
    name = f"{kind.__module__}:{kind.__qualname__}"
    try:
        said = ask()
    except ImgprepError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise RequestError(f"custom rule {name} failed with {reason}; fix it, or set its severity to off") from error
    try:
        return check(said)
    except ValueError as error:
        raise RequestError(f"custom rule {name}: {error}; see {see}") from None
