"""Decisions that findings suggest: what cannot be read is excluded, and of copies the best is kept."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

import numpy as np

from imgprep.checks.base import Evidence, Finding
from imgprep.checks.groups import rows_of
from imgprep.checks.label_evidence import OUTSIDE
from imgprep.checks.settled import SUSPECTS
from imgprep.errors import one_line
from imgprep.sources.decisions import Decision

Proposal = Literal["exclude", "relabel", "keep", "open"]
UNREADABLE: Final = "unreadable"
COPIES: Final = frozenset({"duplicate", "near-duplicate", "split-leakage"})
"""Rules about images of which one is enough."""
USUAL: Final[Mapping[str, Proposal]] = {UNREADABLE: "exclude", "duplicate": "exclude"}
"""Rule -> default proposal; findings of other rules stay open."""


class Proposals:
    """Collects decisions about the images of a collection, rule by rule.

    Args:
        evidence: with the decisions that there are already.
        decided: these decisions; an image that they exclude is not looked at, one that they keep stays.
        ids: of the images that findings are about.
    """

    def __init__(self, evidence: Evidence, decided: Iterable[Decision], ids: Sequence[str]) -> None:
        self.made: list[Decision] = []
        self._evidence = evidence
        self._excluded: set[str] = set()
        self._staying: set[str] = set()
        for decision in decided:
            (self._excluded if decision.action == "exclude" else self._staying).add(decision.id)
        found = rows_of(evidence.table.id, ids)
        self._rows = {id_: int(row) for id_, row in zip(ids, found, strict=True) if row >= 0}
        self._pixels = dict.fromkeys(self._rows, 0)
        if evidence.measurements is not None and self._rows:
            measured = evidence.measurements.at(np.array(list(self._rows.values()), np.intp))
            areas = measured.numbers("height") * measured.numbers("width")
            self._pixels = dict(zip(self._rows, map(int, areas), strict=True))
        self._answers: dict[str, str] | None = None

    def add(self, finding: Finding, action: Proposal) -> None:
        """Adds what an action means for the images of a finding.

        Args:
            finding: that fails, or names suspects.
            action: of its rule.
        """
        members = [sample for sample in finding.samples if sample not in self._excluded]
        if action == "relabel":
            self._relabel(finding, members)
        elif action == "keep":
            self.made += [Decision(each, "keep", reason=_short(finding.message), rule=finding.rule) for each in members]
        elif action == "exclude" and finding.rule in COPIES:
            self._keep_best(finding, members)
        elif action == "exclude":
            self._exclude(finding, ((each, self._why(finding, each)) for each in members))

    def _exclude(self, finding: Finding, chosen: Iterable[tuple[str, str]]) -> None:
        for each, reason in chosen:
            if each not in self._staying:
                self._excluded.add(each)
                self.made.append(Decision(each, "exclude", reason=reason, rule=finding.rule))

    def _keep_best(self, finding: Finding, members: Sequence[str]) -> None:
        """Excludes all but the best, or but those that somebody keeps; none of which the labels differ."""
        members = [each for each in members if each in self._rows]
        if len({self._evidence.table.label[self._rows[each]] for each in members}) != 1:
            return
        staying = [each for each in members if each in self._staying]
        best = min(staying or members, key=self._worth)
        how = "a copy of" if finding.rule == "duplicate" else "nearly a copy of"
        self._exclude(finding, ((each, f"{how} {one_line(best, 200)}") for each in members if each != best))
        if len(members) > 1:
            self._staying.add(best)

    def _worth(self, id_: str) -> tuple[int, int, str]:
        """Sorts the best first: the largest, of these the least compressed, of these the first by id."""
        return -self._pixels[id_], -int(self._evidence.table.stamp[self._rows[id_]][0]), id_

    def _why(self, finding: Finding, id_: str) -> str:
        if finding.rule == UNREADABLE:
            row = self._rows.get(id_)
            return _short(finding.message if row is None else self._evidence.table.reason[row])
        return _short(finding.message)

    def _relabel(self, finding: Finding, members: Iterable[str]) -> None:
        """Assigns suspects and wrong labels the class of the review, else that of the predictions of the spec."""
        if finding.rule != SUSPECTS:
            return
        if self._answers is None:
            self._answers = dict(_predicted(self._evidence)) | dict(_reviewed(self._evidence))
        for each in members:
            if (label := self._answers.get(each)) and each not in self._staying:
                self._staying.add(each)
                self.made.append(Decision(each, "relabel", label, _short(finding.message), finding.rule))


def _reviewed(evidence: Evidence) -> Iterator[tuple[str, str]]:
    review = evidence.review
    if review is not None:
        yield from (
            (id_, "" if label == OUTSIDE else label) for id_, label in zip(review.ids, review.reviewed, strict=True)
        )


def _predicted(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """The classes of the predictions that the spec names; the built-in classifier is too weak to relabel by."""
    predictions = evidence.predictions
    if predictions is not None and not predictions.estimate:
        best = predictions.probabilities.argmax(axis=1).tolist()
        yield from ((id_, evidence.classes[code]) for id_, code in zip(predictions.ids, best, strict=True))


def _short(text: str) -> str:
    return one_line(text, 200)
