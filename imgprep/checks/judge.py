"""Rules over evidence: findings, what waivers and a baseline excuse, and the verdict."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import fnmatchcase
from typing import Final

from imgprep.checks import own_rules
from imgprep.checks.base import UNLABELLED, WHOLE_COLLECTION, Evidence, Finding, Judge, Report
from imgprep.checks.settled import settled
from imgprep.checks.tabulated import in_one, said_of
from imgprep.checks.waivers import Waiver

WAIVER: Final = "waiver"
MANY_CLASSES: Final = 10_000
NO_LABELS: Final = "cannot judge images without labels; source.label_from, a table or folders by class give them"
FIRST_CLASSES: Final = 100


@dataclass(frozen=True, slots=True)
class Suppressions:
    """Waivers and known failures: these do not count.

    Attributes:
        waivers: of the spec.
        baseline: the findings of an earlier report; its failures are known. None for no baseline.
        today: the day that waivers are compared with.
    """

    waivers: Sequence[Waiver] = ()
    baseline: Sequence[Finding] | None = None
    today: date = field(default_factory=date.today)


def judge(evidence: Evidence, rules: Iterable[Judge], suppressions: Suppressions | None = None) -> Report:
    """Judges a collection.

    Args:
        evidence: what was measured and supplied.
        rules: those to run, but for rules of severity ``off`` and those that do not apply to the evidence.
        suppressions: waivers and baseline.

    Raises:
        RequestError: a rule that is not one of imgprep's own failed.
    """
    suppressions = suppressions or Suppressions()
    active = [rule for rule in rules if rule.severity != "off" and applies(rule, evidence)]
    per_file = {rule.id for rule in active if getattr(rule, "per_file", False)}
    findings = [
        finding
        for rule in active
        for finding in _gathered(said_once(list(settled(rule, _findings(rule, evidence), evidence.decided))))
    ]
    findings, used = _waive(findings, suppressions, per_file)
    able = (rule for rule in active if not _lacks_labels(rule, evidence))
    tables = {rule.id: table for rule in able if (table := own_rules.table_of(rule, evidence)) is not None}
    if suppressions.baseline is not None:
        findings = list(_ratchet(findings, suppressions.baseline, per_file, tables.keys()))
    findings = list(in_one(findings, tables))
    findings += _about_waivers(suppressions, used)
    decisions = {} if evidence.decided is None else evidence.decided.counts()
    images = evidence.table.images()
    sizes = evidence.class_sizes if evidence.labelled else {}
    return Report(evidence.name, images, tuple(findings), sizes, decisions=decisions, tables=tables)


def applies(rule: Judge, evidence: Evidence) -> bool:
    """True if a rule judges the stage that the evidence is of; a class that is no `Rule` may have ``stages`` too."""
    test = getattr(rule, "applies", None)
    return bool(test(evidence)) if test else evidence.stage in getattr(rule, "stages", WHOLE_COLLECTION)


def _lacks_labels(rule: Judge, evidence: Evidence) -> bool:
    return not evidence.labelled and getattr(rule, "needs_labels", False)


def _findings(rule: Judge, evidence: Evidence) -> list[Finding]:
    if _lacks_labels(rule, evidence):
        return [Finding(rule.id, "skipped", rule.severity, message=NO_LABELS, source=getattr(rule, "source", ""))]
    findings = own_rules.findings_of(rule, evidence)
    if evidence.labelled:
        return findings
    return [replace(each, subject=None) if each.subject == UNLABELLED else each for each in findings]


def said_once(findings: list[Finding]) -> list[Finding]:
    """Joins what a rule says of each class where it could judge none of them, and for the same reason."""
    if any(finding.status in {"pass", "fail"} for finding in findings):
        return findings
    alike: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        reason = finding.message.removeprefix(f"{finding.subject}: ")
        alike.setdefault((finding.status, reason), []).append(finding)
    return [group[0] if len(group) == 1 else _joined(group, reason) for (_, reason), group in alike.items()]


def _joined(group: list[Finding], reason: str) -> Finding:
    names = [finding.subject for finding in group if finding.subject is not None]
    samples = tuple(dict.fromkeys(id_ for finding in group for id_ in finding.samples))
    message = f"{said_of(names)}: {reason}" if names else reason
    return replace(group[0], subject=None, observed=None, message=message, samples=samples)


def _gathered(findings: list[Finding]) -> Iterator[Finding]:
    """Shortens lists of tens of thousands of classes that do not fail: a million lines cannot be read."""
    counts = Counter(finding.status for finding in findings if finding.subject is not None)
    many = {status: 0 for status, count in counts.items() if count > MANY_CLASSES and status != "fail"}
    for finding in findings:
        if finding.subject is None or finding.status not in many:
            yield finding
            continue
        many[finding.status] += 1
        if many[finding.status] <= FIRST_CLASSES:
            yield finding
        elif many[finding.status] == counts[finding.status]:
            message = f"{counts[finding.status] - FIRST_CLASSES:,} more classes with the same verdict"
            yield Finding(finding.rule, finding.status, finding.severity, message=message, source=finding.source)


def _waive(
    findings: Iterable[Finding], suppressions: Suppressions, per_file: set[str]
) -> tuple[list[Finding], set[Waiver]]:
    waivers = [waiver for waiver in suppressions.waivers if not waiver.expired(suppressions.today)]
    used: set[Waiver] = set()
    result: list[Finding] = []
    for finding in findings:
        rest: Finding | None = finding
        for waiver in waivers:
            if rest is None or rest.status != "fail" or not waiver.matches(rest):
                continue
            excused, rest = _apply(waiver, rest, per_file)
            if excused is not None:
                used.add(waiver)
                result.append(excused)
        if rest is not None:
            result.append(rest)
    return result, used


def _apply(waiver: Waiver, finding: Finding, per_file: set[str]) -> tuple[Finding | None, Finding | None]:
    """The waived part of a finding, and the rest."""
    until = f" until {waiver.until}" if waiver.until else ""
    excuse = f"waived{until}: {waiver.reason}"
    if waiver.files is None:
        return _excused(finding, excuse), None
    if finding.rule not in per_file:
        return None, finding
    inside = tuple(sample for sample in finding.samples if fnmatchcase(sample, waiver.files))
    if not inside:
        return None, finding
    outside = _without(finding.samples, inside)
    remaining = replace(finding, samples=outside) if outside else None
    return _excused(replace(finding, samples=inside), excuse), remaining


def _ratchet(
    findings: Iterable[Finding], baseline: Sequence[Finding], per_file: set[str], tabulated: AbstractSet[str]
) -> Iterator[Finding]:
    """Suppresses failures that the baseline has too: same rule and class; same files for rules about files.

    Of a rule with a table the baseline has one finding for several classes: those that any of its images is of.
    """
    known: dict[tuple[str, str | None], set[str]] = {}
    for old in baseline:
        if old.status == "fail":
            known.setdefault((old.rule, old.subject), set()).update(old.samples)
    for finding in findings:
        key = finding.rule, finding.subject
        if (
            key not in known
            and finding.rule in tabulated
            and known.get((finding.rule, None), set()) & {*finding.samples}
        ):
            key = finding.rule, None
        if finding.status != "fail" or finding.severity == "off" or key not in known:
            yield finding
            continue
        new = tuple(sample for sample in finding.samples if sample not in known[key])
        if finding.rule not in per_file or not new:
            yield _excused(finding, "known in the baseline")
            continue
        if len(new) < len(finding.samples):
            yield _excused(replace(finding, samples=_without(finding.samples, new)), "known in the baseline")
        yield replace(finding, samples=new, message=f"{finding.message}; {len(new)} not in the baseline")


def _about_waivers(suppressions: Suppressions, used: set[Waiver]) -> Iterator[Finding]:
    for waiver in suppressions.waivers:
        if waiver.expired(suppressions.today):
            message = f"the waiver of {waiver.says()} expired on {waiver.until} ({waiver.reason}); remove or renew it"
            yield Finding(WAIVER, "fail", "error", waiver.subject, str(suppressions.today), str(waiver.until), message)
        elif waiver not in used:
            message = f"the waiver of {waiver.says()} excuses nothing ({waiver.reason}); remove it"
            yield Finding(WAIVER, "fail", "warning", waiver.subject, message=message)


def _excused(finding: Finding, excuse: str) -> Finding:
    return replace(finding, severity="off", excuse=excuse)


def _without(samples: tuple[str, ...], removed: tuple[str, ...]) -> tuple[str, ...]:
    gone = set(removed)
    return tuple(sample for sample in samples if sample not in gone)
