"""Rules of the user's own that have no settings."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from imgprep.checks.base import WHOLE_COLLECTION, Evidence, Finding, Severity


@dataclass(frozen=True, slots=True)
class PlainRule:
    """A rule of the user's own without settings: a function of the evidence, or a callable object.

    Attributes:
        judge: gives the findings.
        given: the severity in the spec; None leaves that of the findings.
    """

    judge: Callable[[Evidence], Iterable[Finding]]
    given: Severity | None = None

    @property
    def id(self) -> str:
        """The rule's own, or its name."""
        return str(getattr(self.judge, "id", getattr(self.judge, "__name__", type(self.judge).__name__)))

    @property
    def severity(self) -> Severity:
        """The severity that the spec gives it, or the rule's own."""
        own: Severity = getattr(self.judge, "severity", "error")
        return self.given or own

    @property
    def per_file(self) -> bool:
        """See `Rule`."""
        return bool(getattr(self.judge, "per_file", False))

    def applies(self, evidence: Evidence) -> bool:
        """Returns whether it judges the stage that the evidence is of: see `Rule`."""
        return evidence.stage in getattr(self.judge, "stages", WHOLE_COLLECTION)

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """The findings of the rule."""
        for finding in self.judge(evidence):
            yield replace(finding, severity=self.given) if self.given else finding
