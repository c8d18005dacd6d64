"""Rules about the files themselves: can they be read, and what modes do they have."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from imgprep.checks.base import UNLABELLED, Compared, Count, Evidence, Finding, Rule
from imgprep.util.quantity import quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable(Rule):
    """Every file decodes completely (Handbook, part 5, "Assembling an Image Dataset").

    A failure is reported for each class and reason: truncated, corrupt, empty, wrong type.

    Why:
        A damaged file is missing from training, and where a class has many the class shrinks unseen.

    Fix:
        Fetch or export the file again, or exclude it; the reason says what is wrong with it.

    Off:
        Never: raise max for a collection from the web, or exclude the files by decisions. Switched off, damaged files
        are still quarantined by convert, and execution.max_quarantined still counts them.

    Attributes:
        max: how many unreadable files a class may have.
    """

    id: ClassVar[str] = "unreadable"
    source: ClassVar[str] = "Handbook, part 5 (assembly)"
    per_file: ClassVar[bool] = True
    max: Count = 0

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Lists the quarantined files of each class by their reason."""
        table = evidence.table
        groups: dict[tuple[str, str], list[int]] = defaultdict(list)
        bad: dict[str, int] = defaultdict(int)
        for row in np.flatnonzero(table.status.where("quarantined")).tolist():
            label = table.label[row] if evidence.labelled else UNLABELLED
            groups[label, table.reason[row] or "no reason given"].append(row)
            bad[label] += 1
        for name in evidence.classes:
            if bad[name] <= self.max:
                message = f"{name}: {bad[name] or 'no'} unreadable files"
                yield self.finding("pass", message, name, Compared(bad[name], self.max))
        for (label, reason), rows in groups.items():
            if bad[label] > self.max:
                message = f"{label or 'without a class'}: {quantity(len(rows), 'file')} cannot be used: {reason}"
                compared = Compared(bad[label], self.max)
                yield self.finding("fail", message, label or None, compared, evidence.ids(np.array(rows)))
