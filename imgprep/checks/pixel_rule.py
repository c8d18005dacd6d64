"""Rules that look at the measurements of pixels."""

from collections.abc import Iterator
from dataclasses import dataclass

from imgprep.checks.base import Evidence, Finding, Rule
from imgprep.checks.measurements import Measurements


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelRule(Rule):
    """A rule about pixels; it is skipped where an audit only read metadata."""

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Judges what was measured."""
        if evidence.measurements is None:
            yield self.skip("the pixels were not measured; this audit only read metadata")
        else:
            yield from self.judged(evidence, evidence.measurements)

    def judged(self, evidence: Evidence, measured: Measurements) -> Iterator[Finding]:
        """The findings about the measurements, which have a row for each row of the table."""
        raise NotImplementedError
