"""Quarantined images that the audit accepts, so that a run does not fail for what its audit lets pass."""

from collections.abc import Collection, Iterable
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from imgprep.checks.base import Finding
from imgprep.checks.settled import keeps
from imgprep.checks.waivers import Waiver
from imgprep.dataset.records import read_records
from imgprep.pipeline.decided import Decided

RULE: Final = "unreadable"


def accepted_losses(
    folder: Path, waivers: Iterable[Waiver], decided: Decided | None, known: Collection[str] = ()
) -> int:
    """The number of quarantined images of a stage that a waiver or baseline of ``unreadable`` excuses, or a decision.

    Args:
        folder: of the finished stage.
        waivers: of the spec; expired ones do not count.
        decided: the decisions; None for none.
        known: ids of images that the baseline says are unreadable.

    Raises:
        RequestError: the stage cannot be read.
    """
    today = date.today()
    excuses = [waiver for waiver in waivers if waiver.rule == RULE and not waiver.expired(today)]
    if not excuses and decided is None and not known:
        return 0
    is_kept = keeps(RULE, decided)
    return sum(
        record.id in known or is_kept(record.id) or any(_excuses(waiver, record.id, record.label) for waiver in excuses)
        for record in read_records(folder)
        if record.status == "quarantined"
    )


def unreadable_in(baseline: Iterable[Finding]) -> frozenset[str]:
    """The ids of images that an earlier report says are unreadable."""
    return frozenset(
        sample
        for finding in baseline
        if finding.rule == RULE and finding.status == "fail"
        for sample in finding.samples
    )


def _excuses(waiver: Waiver, id_: str, label: str | None) -> bool:
    matches = waiver.matches(Finding(RULE, "fail", "error", label))
    return matches and (waiver.files is None or fnmatchcase(id_, waiver.files))
