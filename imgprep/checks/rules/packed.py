"""Rules about packed datasets: Handbook, part 6 (splits)."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from imgprep.checks.base import Compared, Evidence, Finding, Rule, verdict
from imgprep.checks.packed import Packed, PackedIndex, ShardFacts

EVALUATION: Final = ("validation", "test")
TOLERANCE: Final = 1e-3
"""Of values at the ends of their range: float16 rounds."""
NOT_PACKED: Final = "no packed dataset; --stage pack supplies it"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedRule(Rule):
    """A rule about the shards of a packed dataset (Handbook, part 6)."""

    source: ClassVar[str] = "Handbook, part 6 (splits)"
    stages: ClassVar[frozenset[str]] = frozenset({"pack"})

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Judges the packed dataset, where there is one."""
        if evidence.packed is None:
            yield self.skip(NOT_PACKED)
            return
        yield from self.judge(evidence.packed)

    @abstractmethod
    def judge(self, packed: Packed) -> Iterator[Finding]:
        """Judges a packed dataset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedValues(PackedRule):
    """Values are finite, in the range of their normalisation and of the type in the index (Handbook, part 6).

    Why:
        One value that is not a number spoils a whole training run, and a wrong range makes a model learn slowly or not
        at all.

    Fix:
        Pack again; imgprep repair rebuilds damaged shards.

    Off:
        Never: what it finds is damage or a defect.
    """

    id: ClassVar[str] = "packed-values"

    def judge(self, packed: Packed) -> Iterator[Finding]:
        """Judges each shard."""
        for shard in packed.shards:
            problems = list(_problems(packed.index, shard))
            message = f"{shard.filename}: {'; '.join(problems) or 'finite, in range, of the right type'}"
            yield self.finding(verdict(not problems), message, None, Compared(len(problems), 0), shard.broken)


def _problems(index: PackedIndex, shard: ShardFacts) -> Iterator[str]:
    if shard.dtype != index.dtype:
        yield f"holds {shard.dtype}, the index says {index.dtype}"
    if shard.broken:
        yield f"{len(shard.broken)} images hold values that are not finite"
    if index.values is not None:
        low, high = index.values
        if shard.low < low - TOLERANCE or shard.high > high + TOLERANCE:
            yield f"values from {shard.low:g} to {shard.high:g} leave the range {low:g} to {high:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedCounts(PackedRule):
    """Each split has as many images of each class as the index says (Handbook, part 6).

    Why:
        Where the index and the shards differ, training uses other data than was planned.

    Fix:
        Run imgprep repair, or pack again with --force.

    Off:
        Never: what it finds is damage or a defect.
    """

    id: ClassVar[str] = "packed-counts"

    def judge(self, packed: Packed) -> Iterator[Finding]:
        """Compares each class of each split."""
        counts: dict[str, Counter[int]] = {}
        for shard in packed.shards:
            counts.setdefault(shard.split, Counter()).update(shard.labels)
        for split, classes in packed.index.counts.items():
            found = counts.get(split, Counter())
            for code, name in enumerate(packed.index.classes):
                stored, listed = found[code], classes.get(name, 0)
                message = f"{split}: {stored} images of {name} are stored, the index says {listed}"
                yield self.finding(verdict(stored == listed), message, name, Compared(stored, listed))


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedEvaluation(PackedRule):
    """No image of validation and test is augmented (Handbook, part 6).

    Why:
        A score on altered images does not tell how the model does on real ones.

    Fix:
        Pack again with --force; augmented images belong to the training split, altered tests to stress sets.

    Off:
        Never: what it finds is damage or a defect. Altered test images belong to a stress set.
    """

    id: ClassVar[str] = "packed-evaluation"
    per_file: ClassVar[bool] = True

    def judge(self, packed: Packed) -> Iterator[Finding]:
        """Names the augmented images of evaluation splits; stress sets are made from others."""
        augmented = tuple(id_ for shard in packed.shards if shard.split in EVALUATION for id_ in shard.augmented)
        message = f"{len(augmented) or 'no'} images of validation and test are augmented"
        yield self.finding(verdict(not augmented), message, None, Compared(len(augmented), 0), augmented)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedStatistics(PackedRule):
    """The statistics of the normalisation come from training images alone (Handbook, part 6).

    Why:
        Statistics that saw the test images tell the model something of them.

    Fix:
        Pack again with --force, so that the statistics are taken from the training images.

    Off:
        Never: what it finds is damage or a defect. A normalization without statistics is not judged.
    """

    id: ClassVar[str] = "packed-statistics"

    def applies(self, evidence: Evidence) -> bool:
        """Returns whether the normalisation has statistics."""
        applies = super(PackedStatistics, self).applies(evidence)
        return applies and (evidence.packed is None or evidence.packed.index.fitted is not None)

    def judge(self, packed: Packed) -> Iterator[Finding]:
        """Looks whether the mean of the images that they come from is 0 now."""
        fitted = packed.index.fitted
        if fitted is None:
            yield self.skip("pack.normalize needs no statistics; standardize and center do")
            return
        message = f"the statistics of the normalisation come from {fitted.images}"
        if not fitted.centered:
            message = (
                f"the statistics of the normalisation should come from {fitted.images}, but the mean of these is "
                f"{fitted.mean:.3g} and not 0; pack again"
            )
        yield self.finding(verdict(fitted.centered), message, None, Compared(fitted.mean, 0))
