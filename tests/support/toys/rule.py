"""A rule: every class has an even number of images."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import imgprep.checks.rules
from imgprep.checks.base import Compared, Evidence, Finding, Rule, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class EvenNumbers(Rule):
    """Every class has an even number of images.

    Attributes:
        least: images from which on it is asked for.
    """

    id: ClassVar[str] = "even-numbers"
    source: ClassVar[str] = "somebody else"
    severity: Severity = "error"
    least: int = 1

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Judges each class."""
        for name, count in evidence.counts.items():
            odd = count >= self.least and count % 2
            yield self.finding("fail" if odd else "pass", f"{name} has {count}", name, Compared(count, count + odd))


def register() -> None:
    imgprep.checks.rules.RULES = {**imgprep.checks.rules.RULES, EvenNumbers.id: EvenNumbers}  # type: ignore[misc]
