"""Pages on which images are decided about: copies side by side, or the images of a class in a gallery."""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from imgprep.checks.base import Evidence
from imgprep.checks.settled import settles
from imgprep.checks.thumbnails import thumbnails
from imgprep.commands.audit_inputs import of_source
from imgprep.commands.curate import decisions_path
from imgprep.commands.pipeline import Pipeline
from imgprep.commands.review_draw import LARGE, MOST, Choice
from imgprep.errors import RequestError
from imgprep.pipeline.decided import check_rules
from imgprep.pipeline.runner import RunContext
from imgprep.review.session import Change, DecisionSession, Group, SavedFile, Shown
from imgprep.settings.problems import unknown
from imgprep.sources.decisions import ACTIONS, Decision, decisions_table, merge_decisions, read_decisions
from imgprep.spec.loading import LoadedSpec

RULES: Final = ("label-conflict", "duplicate", "near-duplicate")
"""Rules about images that are copies of each other, the gravest first."""
BY: Final = "imgprep review"
GALLERY: Final = "gallery"
MODES: Final = frozenset({"duplicates", GALLERY})
TILE: Final = 192
"""The longest side of an image of the gallery, in pixels."""
TOGETHER: Final = 9
"""Images that are shown side by side at most, for as many have a key."""


def open_decisions(loaded: LoadedSpec, context: RunContext, choice: Choice, *, blank: bool = False) -> DecisionSession:
    """Finds the open questions, and continues an existing table of decisions.

    Args:
        loaded: the spec.
        context: where images are measured and made smaller.
        choice: of the images and the table.
        blank: for somebody else: the table is left alone.

    Raises:
        RequestError: there is nothing to decide, a class is unknown, or the table is wrong.
        ResourceError: the table cannot be written.
    """
    path = decisions_path(loaded, choice.table)
    file = SavedFile(path)
    there = read_decisions(path) if path.exists() else ()
    check_rules(path, there, {rule.id: settles(rule) for rule in loaded.spec.audit.rules.values()})
    pipeline = Pipeline(loaded, context)
    side = TILE if choice.mode == GALLERY else LARGE
    found = list(_gallery(pipeline, choice) if choice.mode == GALLERY else _copies(loaded, context, pipeline, there))
    collection = pipeline.collection
    # What is left out already can be taken back in.
    table = collection.undecided if choice.mode == GALLERY else collection.table
    rows = {id_: row for row, id_ in enumerate(table.id)}
    ids = dict.fromkeys(id_ for images, _, _ in found for id_ in images)
    chosen = table[np.array([rows[id_] for id_ in ids], np.intp)]
    pictures = thumbnails(context, pipeline.collection.reader, chosen, f"review-{choice.mode}", side)
    number = {id_: place for place, id_ in enumerate(id_ for id_ in ids if id_ in pictures)}
    shown = [Shown(id_, table.label[rows[id_]], pictures[id_]) for id_ in number]
    least = 1 if choice.mode == GALLERY else 2
    groups = [Group(tuple(number[id_] for id_ in images if id_ in number), rule, says) for images, rule, says in found]
    groups = [group for group in groups if len(group.images) >= least]
    if not groups:
        raise RequestError(f"--mode {choice.mode}: there is nothing to decide; see imgprep audit")
    session = DecisionSession(
        choice.mode,
        loaded.spec.name,
        tuple(pipeline.collection.classes),
        shown,
        groups,
        _decided(there, shown, groups) if choice.mode == GALLERY else [()] * len(groups),
        file,
        partial(_content, path, there, [image.id for image in shown]),
    )
    if not blank:
        session.save()
    return session


def next_step(path: Path) -> str:
    """Options of a review that writes decisions."""
    return f"name it in the spec, under source:  decisions: {path}"


def _copies(
    loaded: LoadedSpec, context: RunContext, pipeline: Pipeline, there: Sequence[Decision]
) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """The images, the rule and the words of each cluster that is not decided, as the rules of the spec see it."""
    evidence: Evidence = of_source(loaded, context, pipeline).evidence
    rules = {rule.id: rule for rule in loaded.spec.audit.rules.values()}
    left_out = {decision.id for decision in there if decision.action == "exclude"}
    relabelled = {decision.id for decision in there if decision.action == "relabel"}
    kept = {(decision.id, decision.rule) for decision in there if decision.action == "keep"}
    asked: set[frozenset[str]] = set()
    for name in RULES:
        for finding in rules[name](evidence) if name in rules else ():
            images = tuple(
                id_
                for id_ in finding.samples
                if id_ not in left_out and not (name == "label-conflict" and id_ in relabelled)
            )[:TOGETHER]
            settled = all((id_, name) in kept or (id_, "") in kept for id_ in images)
            if finding.status != "fail" or len(images) < 2 or settled or frozenset(images) in asked:
                continue
            asked.add(frozenset(images))
            yield images, name, finding.message


def _gallery(pipeline: Pipeline, choice: Choice) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """The images of a class, or of all of them, each by itself.

    Raises:
        RequestError: there is no such class.
    """
    collection = pipeline.collection
    if choice.label is not None and choice.label not in collection.classes:
        raise RequestError(f"--class: {unknown('class', choice.label, collection.classes)}")
    table = collection.undecided
    usable = np.flatnonzero(table.ok()).tolist()
    rows = [row for row in usable if choice.label is None or table.label[row] == choice.label]
    for row in rows[: choice.size or MOST]:
        yield (table.id[row],), "", ""


def _content(
    path: Path, there: Sequence[Decision], ids: Sequence[str], decided: Sequence[tuple[Group, tuple[Change, ...]]]
) -> bytes:
    """The table: what was in it, and what is decided now, which counts."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    new: dict[tuple[str, str], Decision] = {}
    for group, changes in decided:
        for change in changes:
            action = next(known for known in ACTIONS if known == change.action)
            reason = group.says or "looked at in the gallery"
            decision = Decision(ids[change.image], action, change.value, reason, group.rule, BY, at)
            new[decision.id, group.rule if action == "keep" else ""] = decision
    made = merge_decisions((), sorted(new.values(), key=lambda each: ACTIONS.index(each.action)))
    by_image: dict[str, list[Decision]] = {}
    for decision in made:
        by_image.setdefault(decision.id, []).append(decision)
    asked = {ids[image] for group, _ in decided if not group.rule for image in group.images}
    old = [each for each in there if _stays(each, by_image.get(each.id, ()), asked)]
    return decisions_table(path, merge_decisions(old, made))


def _stays(old: Decision, new: Sequence[Decision], asked: Collection[str]) -> bool:
    """Returns whether a decision still holds; in a gallery it may have been taken back."""
    if old.id in asked and old.action != "keep":
        return any(old.action == other.action and old.value == other.value for other in new)
    return not any(old.contradicts(other) for other in new)


def _decided(there: Sequence[Decision], shown: Sequence[Shown], groups: Sequence[Group]) -> list[tuple[Change, ...]]:
    """Decisions that the table already holds for the images of a gallery."""
    known = {decision.id: decision for decision in there if decision.action != "keep"}
    found: list[tuple[Change, ...]] = []
    for group in groups:
        decision = known.get(shown[group.images[0]].id)
        found.append(() if decision is None else (Change(group.images[0], decision.action, decision.value),))
    return found
