"""The rule about wrong labels: Handbook, part 5, "the rule of thumb is less than 4 %"."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Final

from annotated_types import Gt, Lt

from imgprep.checks.base import WHOLE_COLLECTION, Compared, Evidence, Finding, Rule, Share, Status, percent
from imgprep.checks.label_errors import Suspects, baseline_predictions, find_suspects
from imgprep.checks.label_evidence import Predictions
from imgprep.checks.review import Reviewed, judge_review
from imgprep.errors import one_line
from imgprep.util.quantity import quantity

CREDIBLE: Final = 0.9
"""A baseline that agrees with fewer labels is said to be weak."""
SHOWN: Final = 3
"""Ids that a message names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelErrors(Rule):
    """Under 4 % of the labels are wrong (Handbook, part 5, "have a second set of eyes go over").

    The evidence is a review: it passes when the upper end of the exact interval is under the budget, fails when the
    lower end is over it, and is inconclusive between. Suspects are where to look first; they never fail the budget.

    Why:
        Wrong labels are learned like right ones, and wrong labels in a test set hide which model is better.

    Fix:
        Draw a sample with imgprep review, have a second person label it, and correct the labels of what they disagree
        on.

    Off:
        Where the labels cannot be wrong, as when images are drawn or photographed for their class. Without a review the
        rule is skipped and fails nothing.

    Attributes:
        budget: the rate that is too much.
        confidence: of the interval.
        review: the review table with the columns id, label, reviewed_label; `?` is unsure, `none` none of the classes.
        pred_probs: an npz file with ids and out-of-fold probabilities, for suspects.
        suspects: whether to look for suspects with the built-in baseline when there is no ``pred_probs``; with
            ``--stage features`` it learns from the features of the network, which see more than it does.
        seed: of the folds of the baseline.
    """

    id: ClassVar[str] = "label-errors"
    source: ClassVar[str] = "Handbook, part 5 (label errors)"
    needs_labels: ClassVar[bool] = True
    stages: ClassVar[frozenset[str]] = WHOLE_COLLECTION | {"features"}
    budget: Share = 0.04
    confidence: Annotated[float, Gt(0), Lt(1)] = 0.95
    review: Path | None = None
    pred_probs: Path | None = None
    suspects: bool = False
    seed: int = 0

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Judges the review, then names the suspects."""
        if evidence.review is None:
            yield self.skip("no labels were reviewed: the key review supplies a table; draw one with imgprep review")
        else:
            yield self._judge(judge_review(evidence, evidence.review, self.budget, self.confidence))
        yield from self._suspects(evidence)

    def _judge(self, found: Reviewed) -> Finding:
        left_out = "".join(f"; {said}" for said in _left_out(found))
        if found.interval is None:
            said = "the review holds no second label of an image of this collection"
            return self.finding("inconclusive", said + left_out)
        rate, low, high, census = found.interval
        status: Status = "inconclusive"
        if high < self.budget:
            status = "pass"
        elif low > self.budget or census:
            status = "fail"
        said = f"{percent(rate)} of the labels are wrong"
        if census:
            said += ", every image was reviewed"
        else:
            interval = f"{percent(low)} to {percent(high)} at {percent(self.confidence)} confidence"
            said += f" ({interval}; {len(found.wrong)} of {found.reviews} reviewed)"
        said += f"; under {percent(self.budget)} is needed"
        if status == "inconclusive":
            said += "; " + (
                f"about {found.more} more reviews would probably decide"
                if found.more
                else "every other image was reviewed, so those marked as unsure have to be decided"
            )
        return self.finding(status, said + left_out, None, Compared(rate, self.budget), found.wrong)

    def _suspects(self, evidence: Evidence) -> Iterator[Finding]:
        predictions = evidence.predictions
        if predictions is None and self.suspects:
            predictions = baseline_predictions(evidence, self.seed)
            if predictions is None:
                yield self.finding(
                    "skipped", "no suspects: their descriptors were not measured, or classes are too small"
                )
        if predictions is None:
            return
        found = find_suspects(evidence, predictions)
        unknown = f"; {found.unknown} of its ids are not usable images of the collection" if found.unknown else ""
        if not found.known:
            said = f"no suspects: {predictions.origin} holds no image of this collection{unknown}"
            yield self.finding("inconclusive", said)
            return
        yield self.finding(
            "inconclusive",
            self._disputed(found, predictions) + unknown,
            None,
            Compared(len(found.samples) / found.known, self.budget),
            found.samples,
        )

    @staticmethod
    def _disputed(found: Suspects, predictions: Predictions) -> str:
        said = f"{len(found.samples)} of {found.known} labels are disputed by {predictions.origin}"
        if predictions.estimate:
            # What it cannot tell apart it disputes: how often it agrees says how far to believe it.
            weak = "" if found.agreement >= CREDIBLE else "only "
            said += f", an estimate; it agrees with {weak}{percent(found.agreement)} of the labels"
        return said + "; review these first"


def _left_out(found: Reviewed) -> Iterator[str]:
    """Names the rows of a review that do not belong to the sample, and the reason."""
    if found.unsure:
        yield f"{quantity(found.unsure, verb='was')} marked as unsure and left out of the sample"
    if found.unreadable:
        yield f"{quantity(found.unreadable, verb='was')} reviewed but unusable (see unreadable), and left out"
    if found.unknown:
        first = one_line(", ".join(found.unknown[:SHOWN]), 120)
        more = ", ..." if len(found.unknown) > SHOWN else ""
        yield f"{quantity(len(found.unknown), verb='was')} reviewed but not in the collection: {first}{more}"
