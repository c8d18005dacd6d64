"""The rule about the right to use the images: Handbook, part 5, "the source of the images"."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import ClassVar

import numpy as np

from imgprep.checks.base import Compared, Evidence, Finding, Rule, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class License(Rule):
    """Every image has a licence recorded, and none is on the deny list (Handbook, part 5, "the source of the images").

    Why:
        Images without a known licence may have to be withdrawn later, and the model with them.

    Fix:
        Record the licence of each image in the column; exclude the images that you may not use.

    Off:
        Where all images are your own, and no licence has to be told.

    Attributes:
        attribute: the column with the licence.
        deny: patterns of licences that are refused, case does not matter.
    """

    id: ClassVar[str] = "license"
    source: ClassVar[str] = "Handbook, part 5 (copyright)"
    per_file: ClassVar[bool] = True
    severity: Severity = "warning"
    attribute: str = "license"
    deny: tuple[str, ...] = ()

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Reports the images of each class without a licence, and those with a refused one."""
        if self.attribute not in evidence.table.attributes:
            yield self.skip(f"no licences: the column {self.attribute} of source.attributes supplies them")
            return
        refused = [pattern.casefold() for pattern in self.deny]
        for label, name in enumerate(evidence.classes):
            rows = evidence.rows(label)
            values = [value.casefold() for value in evidence.attribute(self.attribute, rows) or ()]
            masks: Mapping[str, list[bool]] = {
                "have no licence recorded": [not value for value in values],
                "have a licence on the deny list": [
                    any(fnmatchcase(value, pattern) for pattern in refused) for value in values
                ],
            }
            for problem, mask in masks.items():
                if any(mask):
                    samples = evidence.ids(rows[np.array(mask)])
                    message = f"{name}: {len(samples)} of {len(rows)} images {problem}"
                    yield self.finding("fail", message, name, Compared(len(samples), 0), samples)
            if not any(any(mask) for mask in masks.values()):
                yield self.finding("pass", f"{name}: every licence is recorded and allowed", name, Compared(0, 0))
