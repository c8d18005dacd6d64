"""Rules about how many images each class has: Handbook, part 5, "Too Few Images"."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from imgprep.checks.base import ALL_STAGES, Compared, Count, Evidence, Finding, Rule, Share, percent, verdict
from imgprep.util.quantity import quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassSize(Rule):
    """Each class should have at least 1000 images (Handbook, part 5, common practice 1).

    Why:
        A model needs enough examples of a class to learn what its members share, and a test needs enough to measure
        that.

    Fix:
        Collect more images of the class, or join it with a similar one. Augmented copies help training, but do not
        count here.

    Off:
        Where fewer images are known to be enough, as when a network that was trained on others is fine-tuned: lower min
        to the number that you can defend, rather than switch the rule off.

    Attributes:
        min: the smallest sufficient number of usable images.
    """

    id: ClassVar[str] = "class-size"
    source: ClassVar[str] = "Handbook, part 5 (class size)"
    needs_labels: ClassVar[bool] = True
    stages: ClassVar[frozenset[str]] = ALL_STAGES
    min: Count = 1000

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Compares the usable images of each class with the minimum."""
        for name, count in evidence.class_sizes.items():
            message = f"{name} has {quantity(count)}, {self.min} are needed"
            yield self.finding(verdict(count >= self.min), message, name, Compared(count, self.min))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassBalanceMean(Rule):
    """No class is under 20 % of the mean class size (Handbook, part 5, "Too Few Images of a Specific Class" 1).

    Why:
        A model that sees a class seldom learns to answer with the others, and overall accuracy hides that.

    Fix:
        Collect more images of the small class, augment it to balance the training images, or give its errors a larger
        weight.

    Off:
        Where classes are as unequal in use as in the collection, and you measure each class by itself.

    Attributes:
        min: the smallest sufficient fraction of the mean over all classes, empty ones included.
    """

    id: ClassVar[str] = "class-balance-mean"
    source: ClassVar[str] = "Handbook, part 5 (class balance)"
    needs_labels: ClassVar[bool] = True
    stages: ClassVar[frozenset[str]] = ALL_STAGES
    min: Share = 0.2

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Compares each class with the mean class size."""
        total = sum(evidence.class_sizes.values())
        if not total:
            yield self.finding("inconclusive", "no class has a usable image to compare with")
            return
        for name, count in evidence.class_sizes.items():
            # One division of exact integers: a class at exactly 20 % compares equal to 0.2.
            share = count * len(evidence.class_sizes) / total
            needed = f"at least {percent(self.min)} is needed"
            message = f"{name} has {quantity(count)}, {percent(share)} of the mean class size; {needed}"
            yield self.finding(verdict(share >= self.min), message, name, Compared(share, self.min))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassBalanceMax(Rule):
    """No class is under 10 % of the largest (Handbook, part 5, "Too Few Images of a Specific Class" 2).

    Why:
        Where one class outnumbers another by ten to one, always naming the larger one looks like success.

    Fix:
        Collect more images of the small class, balance the training images by augmentation, or leave out some of the
        largest.

    Off:
        Where classes are as unequal in use as in the collection, and you measure each class by itself.

    Attributes:
        min: the smallest sufficient fraction of the largest class.
    """

    id: ClassVar[str] = "class-balance-max"
    source: ClassVar[str] = "Handbook, part 5 (class balance)"
    needs_labels: ClassVar[bool] = True
    stages: ClassVar[frozenset[str]] = ALL_STAGES
    min: Share = 0.1

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Compares each class with the largest one."""
        counts = evidence.class_sizes
        largest = max(counts, key=counts.__getitem__, default="")
        if not counts.get(largest):
            yield self.finding("inconclusive", "no class has a usable image to compare with")
            return
        for name, count in counts.items():
            share = count / counts[largest]
            needed = f"at least {percent(self.min)} is needed"
            message = f"{name} has {quantity(count)}, {percent(share)} of the largest class, {largest}; {needed}"
            yield self.finding(verdict(share >= self.min), message, name, Compared(share, self.min))
