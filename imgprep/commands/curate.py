"""Proposes decisions from the findings of the last audit, and says what they would change."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple, get_args

from imgprep.checks.base import Evidence, Finding, Report
from imgprep.checks.proposals import COPIES, USUAL, Proposal, Proposals
from imgprep.checks.reports.common import full_message
from imgprep.checks.reports.json import read as read_report
from imgprep.checks.settled import SUSPECTS, settles
from imgprep.commands.audit import judged
from imgprep.commands.audit_inputs import of_source
from imgprep.commands.audit_state import FOLDER, REPORT, check_state
from imgprep.commands.class_changes import ClassChange, changes_of, table_of
from imgprep.commands.pipeline import Pipeline
from imgprep.errors import RequestError, one_line
from imgprep.pipeline.decided import apply_decisions, check_rules
from imgprep.pipeline.runner import RunContext
from imgprep.settings.problems import suggestion, unknown
from imgprep.sources.decisions import Decision, merge_decisions, read_decisions, write_decisions
from imgprep.spec.loading import LoadedSpec
from imgprep.table.sample import SampleTable, sort_classes
from imgprep.util.output_file import check_output_file, check_outside
from imgprep.util.quantity import quantity

NAME: Final = "decisions.csv"
BY: Final = "imgprep curate"
SHOWN: Final = 5
"""Findings that are named."""


class Plan(NamedTuple):
    """Options of `curate`.

    Attributes:
        table: where the decisions go; None is the table of the spec, else decisions.csv beside the spec.
        rules: ``RULE=ACTION`` each.
        dry_run: write nothing.
    """

    table: Path | None = None
    rules: Sequence[str] = ()
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Curated:
    """Proposed decisions.

    Attributes:
        table: where they are, or would be.
        new: those that were added.
        kept: how many were there before.
        classes: what all decisions change, by class.
        report: of the audit, as it would be with them.
        open: rule -> number of images concerned by findings that decisions could settle, and that are left open.
        setting: the line to put into the spec; '' when the spec names the table.
        dry_run: nothing was written.
    """

    table: Path
    new: tuple[Decision, ...]
    kept: int
    classes: tuple[ClassChange, ...]
    report: Report
    open: Mapping[str, int]
    setting: str
    dry_run: bool = False

    def text(self, width: int | None = None) -> str:
        """All of it for people.

        Args:
            width: of the table, in columns; None for no limit.
        """
        lines = [self._head(), *table_of(self.classes, width)]
        lines += [f"left open: {rule}, {quantity(images)}{_advice(rule)}" for rule, images in self.open.items()]
        failing = [finding for finding in self.report.findings if finding.fatal]
        lines.append("the audit would then pass" if self.report.passed else "the audit would still fail:")
        lines += [f"  {finding.rule}: {full_message(finding)}" for finding in failing[:SHOWN]]
        if len(failing) > SHOWN:
            lines.append(f"  and {len(failing) - SHOWN} more")
        if self.dry_run:
            return "\n".join([*lines, "nothing was written"])
        named = "the spec names this table already (source.decisions)"
        return "\n".join([*lines, f"put into the spec, under source:  {self.setting}" if self.setting else named])

    def _head(self) -> str:
        by_rule = Counter((decision.action, decision.rule) for decision in self.new)
        said = ", ".join(f"{action} {count} ({rule})" for (action, rule), count in by_rule.items())
        new = quantity(len(self.new), "new decision")
        return f"{one_line(self.table)}: {new}{f': {said}' if said else ''}; {self.kept} kept"


def curate(loaded: LoadedSpec, context: RunContext, plan: Plan) -> Curated:
    """Proposes decisions from the last audit and writes them; those that are in the table stay as they are.

    Args:
        loaded: the spec.
        context: where images are measured that the last audit did not.
        plan: what the user asks for.

    Raises:
        RequestError: there is no audit of this source by these rules, the table is wrong or lies in the source, or a
            rule or action is unknown.
        ResourceError: the table cannot be written.
    """
    path = decisions_path(loaded, plan.table)
    actions = _actions(loaded, plan.rules)
    pipeline = Pipeline(loaded, context)
    named = loaded.spec.source.decisions
    there = read_decisions(path) if path.exists() else ()
    before = merge_decisions(there, read_decisions(named) if named is not None and named != path else ())
    collection = pipeline.collection
    check_state(loaded, context, collection)
    check_rules(path, before, {rule.id: settles(rule) for rule in loaded.spec.audit.rules.values()})
    inputs = of_source(loaded, context, pipeline).evidence
    undecided = collection.undecided
    now = _with_decisions(loaded, inputs, undecided, before, path)
    findings = _in_order(read_report(context.workspace.stage(FOLDER) / REPORT), actions)
    ids = list(dict.fromkeys(sample for finding in findings for sample in finding.samples))
    proposals = Proposals(now, before, ids)
    for finding in findings:
        proposals.add(finding, actions.get(finding.rule, "open"))
    at = datetime.now(UTC).isoformat(timespec="seconds")
    merged = merge_decisions(before, (decision._replace(by=BY, at=at) for decision in proposals.made))
    then = _with_decisions(loaded, inputs, undecided, merged, path)
    report = judged(loaded, then)
    if not plan.dry_run and (merged != there or not path.exists()):
        write_decisions(path, merged)
    changes = changes_of(undecided, then.table)
    setting = "" if named == path else f"decisions: {_shown(path, loaded)}"
    new = merged[len(before) :]
    return Curated(path, new, len(before), changes, report, _open(loaded, report), setting, plan.dry_run)


def decisions_path(loaded: LoadedSpec, given: Path | None) -> Path:
    """The table, absolute.

    Raises:
        RequestError: it is no place for a table.
    """
    folder = Path(loaded.file).absolute().parent
    path = given.absolute() if given is not None else loaded.spec.source.decisions or folder / NAME
    check_output_file(path, (".csv", ".tsv"), "decisions are a CSV table")
    check_outside(path, loaded.spec.source.source.path)
    return path


def _actions(loaded: LoadedSpec, given: Iterable[str]) -> dict[str, Proposal]:
    """The proposal for each rule.

    Raises:
        RequestError: a rule or action is unknown, or does not fit.
    """
    actions: dict[str, Proposal] = dict(USUAL)
    rules = {rule.id: rule for rule in loaded.spec.audit.rules.values()}
    known: tuple[Proposal, ...] = get_args(Proposal)
    for each in given:
        name, equals, word = each.partition("=")
        option = f"--rule {one_line(each, 80)}"
        if not equals:
            raise RequestError(f"{option}: expected RULE=ACTION, such as near-duplicate=exclude")
        if name not in rules:
            raise RequestError(f"{option}: {unknown('rule', name, list(rules))}")
        if not settles(rules[name]):
            raise RequestError(f"{option}: {name} is no rule about single images, so no decision settles it")
        action = next((action for action in known if action == word), None)
        if action is None:
            hint = suggestion(word, known) or f"the actions are {', '.join(known)}"
            raise RequestError(f"{option}: unknown action {one_line(word, 40)!r}; {hint}")
        if action == "relabel" and name != SUSPECTS:
            raise RequestError(f"{option}: only {SUSPECTS} says another label; decide each image, see imgprep review")
        if action == "relabel" and rules[name].review is None and rules[name].pred_probs is None:
            raise RequestError(f"{option}: nothing says another label; set review or pred_probs of audit.rules.{name}")
        actions[name] = action
    return actions


def _in_order(findings: Iterable[Finding], actions: Mapping[str, Proposal]) -> list[Finding]:
    """The findings that count, rule by rule: what is excluded for one is not looked at for the next."""
    order = list(actions)
    counting = [
        finding
        for finding in findings
        if finding.rule in actions
        and (finding.status == "fail" or (finding.rule == SUSPECTS and finding.status == "inconclusive"))
        and finding.severity != "off"
    ]
    return sorted(counting, key=lambda finding: order.index(finding.rule))


def _with_decisions(
    loaded: LoadedSpec, evidence: Evidence, undecided: SampleTable, decisions: Sequence[Decision], path: Path
) -> Evidence:
    """The evidence as it would be with these decisions, instead of those that the spec names."""
    table = evidence.table.with_columns(label=undecided.label, original_label=None)
    if evidence.decided is not None:
        rows = evidence.decided.excluded
        status = table.status.replaced({row: undecided.status[row] for row in rows})
        reason = table.reason.replaced({row: undecided.reason[row] for row in rows})
        table = table.with_columns(status=status, reason=reason)
    given = loaded.spec.source.classes
    known = given or tuple(dict.fromkeys((*evidence.classes, *undecided.classes())))
    table, decided = apply_decisions(table, decisions, path, "", known)
    if given is None:
        # A class that decisions empty is no class any more; those of the source without an image stay.
        left, had = set(table.classes()), set(undecided.classes())
        remaining = [name for name in known if name in left or name not in had]
        known = tuple(remaining) if len(remaining) == len(evidence.classes) else sort_classes(remaining)
    return replace(evidence, table=table, classes=known, decided=decided if decisions else None)


def _open(loaded: LoadedSpec, report: Report) -> dict[str, int]:
    """Rule -> number of images of its findings that decisions could settle."""
    rules = {rule.id for rule in loaded.spec.audit.rules.values() if settles(rule)}
    images: dict[str, set[str]] = {}
    for finding in report.findings:
        suspects = finding.rule == SUSPECTS and finding.status == "inconclusive"
        if finding.rule in rules and (finding.status == "fail" or suspects) and finding.severity != "off":
            images.setdefault(finding.rule, set()).update(finding.samples)
    return {rule: len(samples) for rule, samples in images.items() if samples}


def _advice(rule: str) -> str:
    if rule == SUSPECTS:
        return "; see imgprep review, or use --rule label-errors=relabel, exclude or keep"
    what = "exclude keeps the best of each set" if rule in COPIES else "exclude or keep"
    return f"; look at them in the report, or use --rule {rule}=ACTION ({what})"


def _shown(path: Path, loaded: LoadedSpec) -> str:
    folder = Path(loaded.file).absolute().parent
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()
