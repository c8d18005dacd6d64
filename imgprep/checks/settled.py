"""Findings that decisions settle.

Images that are excluded are no evidence, and relabelled ones are judged by their new label; so only those that are kept
are looked for here. A finding about single images loses the kept ones; one about images that offend together, as copies
do, is settled when all of them are kept.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from imgprep.checks.report import Finding
    from imgprep.pipeline.decided import Decided

SUSPECTS: Final = "label-errors"
"""The rule that names suspects, which are about single images though the rule is not."""
NAMED_ONLY: Final = frozenset({"split-leakage", "packed-evaluation"})
"""Rules that must be named to keep an image for them: that two images may stay does not put both on one side."""


def settles(rule: Any) -> bool:
    """Returns whether decisions can settle findings of a rule."""
    return bool(getattr(rule, "per_file", False)) or getattr(rule, "id", "") == SUSPECTS


def settled(rule: Any, findings: "Iterable[Finding]", decided: "Decided | None") -> "Iterator[Finding]":
    """The findings of a rule without what decisions settle.

    Args:
        rule: that found them.
        findings: of the rule.
        decided: the decisions; None for none.
    """
    if decided is None or not settles(rule) or not (decided.kept or decided.relabelled):
        yield from findings
        return
    if rule.id == SUSPECTS:
        yield from (_without_decided(finding, decided) for finding in findings)
        return
    is_kept = keeps(rule.id, decided)
    together = bool(getattr(rule, "together", False))
    for finding in findings:
        rest = tuple(sample for sample in finding.samples if not is_kept(sample))
        if finding.status != "fail" or not finding.samples or len(rest) == len(finding.samples):
            yield finding
        elif not rest:
            yield replace(finding, status="pass", samples=(), message=f"{finding.message}; kept by decisions")
        elif together:
            yield finding
        else:
            kept = len(finding.samples) - len(rest)
            yield replace(finding, samples=rest, message=f"{finding.message}; {kept} of them kept by decisions")


def _without_decided(finding: "Finding", decided: "Decided") -> "Finding":
    """A finding about suspects without those that somebody has decided: kept or relabelled."""
    is_kept = keeps(finding.rule, decided)
    rest = tuple(each for each in finding.samples if not is_kept(each) and each not in decided.relabelled)
    if finding.status != "inconclusive" or len(rest) == len(finding.samples):
        return finding
    said = f"{finding.message}; {len(finding.samples) - len(rest)} of them decided already"
    return replace(finding, samples=rest, message=said)


def keeps(rule: str, decided: "Decided | None") -> Callable[[str], bool]:
    """A function that tells whether decisions keep the image of an id for a rule."""
    wanted = {rule} if rule in NAMED_ONLY else {rule, ""}
    kept = {} if decided is None else decided.kept
    return lambda id_: not wanted.isdisjoint(kept.get(id_, ()))
