"""Failures that the team accepts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import MinLen

if TYPE_CHECKING:
    from imgprep.checks.report import Finding

Text = Annotated[str, MinLen(1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A failure that the team accepts, with its reason, until a day.

    Attributes:
        rule: the id of the rule.
        subject: the class that is excused (``class`` in the spec); None for any.
        files: a glob of ids that are excused, for rules about files; None for any.
        reason: why; required, because reasons are forgotten.
        until: the last day on which it counts; None for no end.
    """

    spec_keys: ClassVar[Mapping[str, str]] = {"subject": "class"}

    rule: Text
    reason: Text
    subject: str | None = None
    files: str | None = None
    until: date | None = None

    def matches(self, finding: "Finding") -> bool:
        """Returns whether this waiver speaks of the rule and the class of a finding."""
        return self.rule == finding.rule and self.subject in {None, finding.subject}

    def expired(self, today: date) -> bool:
        """Returns whether its last day has passed."""
        return self.until is not None and today > self.until

    def says(self) -> str:
        """Rule, class and files that it waives, for messages."""
        parts = [
            self.rule,
            *([self.subject] if self.subject is not None else []),
            *([self.files] if self.files else []),
        ]
        return " ".join(parts)
