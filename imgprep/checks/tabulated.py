"""Rules that measure more than they can judge: their tables, and what they have against classes, said once."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, zip_longest
from typing import Final

from imgprep.checks.base import Finding, Table

NAMED_CLASSES: Final = 6
"""Largest number of classes that a finding names."""


def said_of(classes: list[str]) -> str:
    """Several classes: by name if they are few."""
    return ", ".join(classes) if len(classes) <= NAMED_CLASSES else f"{len(classes):,} classes"


def in_one(findings: Iterable[Finding], tables: Mapping[str, Table]) -> Iterator[Finding]:
    """The findings; of a rule with a table, one for all classes that it warns of, in the place of the first of them.

    Errors stay as they are: who makes them errors wants each class judged.
    """
    groups: dict[tuple[str, str], list[Finding]] = {}
    order: list[Finding | list[Finding]] = []
    for finding in findings:
        if finding.rule not in tables or finding.status != "fail" or finding.severity not in {"warning", "info"}:
            order.append(finding)
            continue
        group = groups.setdefault((finding.rule, finding.severity), [])
        if not group:
            order.append(group)
        group.append(finding)
    for each in order:
        yield each if isinstance(each, Finding) else _joined(each, tables[each[0].rule])


def _joined(group: list[Finding], table: Table) -> Finding:
    if len(group) == 1:
        return group[0]
    names = [finding.subject for finding in group if finding.subject is not None]
    message = f"{said_of(names)}: {table.concern}; the report has a table of all classes"
    # In turn, so that the first ones, which the reports show, are of many classes.
    turns = zip_longest(*(finding.samples for finding in group))
    samples = tuple(dict.fromkeys(id_ for id_ in chain.from_iterable(turns) if id_ is not None))
    observed = [finding.observed for finding in group if isinstance(finding.observed, int | float)]
    return replace(group[0], subject=None, observed=min(observed, default=None), message=message, samples=samples)
