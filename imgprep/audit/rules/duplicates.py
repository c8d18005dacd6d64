"""Rules about images that are there more than once: seeds/002 Part 5 wants distinct examples of every class."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from imgprep.audit.base import Compared, Evidence, Finding, Rule, Severity
from imgprep.audit.groups import Rows, clusters, equal_rows
from imgprep.audit.measurements import Measurements
from imgprep.neighbours import MAX_DISTANCE, telling_clusters
from imgprep.perceptual import copy_clusters

Distance = Annotated[int, Ge(0), Le(MAX_DISTANCE)]
UNMEASURED = "the pixels were not measured; this audit only read metadata"
FLAT = 0.02
"""Images of less luminance deviation than this look all alike; exposure and blur speak of them."""


class Cluster(NamedTuple):
    """Images that have something in common.

    Attributes:
        rows: of the images.
        says: what they have in common.
        severity: how grave that is; None for what the rule has.
    """

    rows: Rows
    says: str
    severity: Severity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate(Rule):
    """No two files with the same bytes, no two images with the same pixels (seeds/002 Part 5, "Too Few Images")."""

    id: ClassVar[str] = "duplicate"
    source: ClassVar[str] = "seeds/002 Part 5"
    per_file: ClassVar[bool] = True
    severity: Severity = "warning"

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Reports each set of equal images."""
        if evidence.measurements is None:
            yield self.skip(UNMEASURED)
            return
        rows = np.flatnonzero(evidence.measured)
        measured = evidence.measurements.at(rows)
        data = equal_rows(measured["data"])
        found = []
        for cluster in clusters(equal_rows(measured["pixels"])):
            same = "bytes" if len(set(data[cluster].tolist())) == 1 else "pixels"
            found.append(Cluster(rows[cluster], f"{len(cluster)} files hold the same {same}"))
        yield from _report(self, evidence, found)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelConflict(Rule):
    """The same image is not under two labels (seeds/002 Part 5: the label error rate)."""

    id: ClassVar[str] = "label-conflict"
    source: ClassVar[str] = "seeds/002 Part 5"
    per_file: ClassVar[bool] = True

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Reports each set of equal images with several labels."""
        if evidence.measurements is None:
            yield self.skip(UNMEASURED)
            return
        rows = np.flatnonzero(evidence.measured)
        found = []
        for cluster in clusters(equal_rows(evidence.measurements.at(rows)["pixels"])):
            labels = np.unique(evidence.labels[rows[cluster]]).tolist()
            if len(labels) > 1:
                names = ", ".join(evidence.classes[label] for label in labels)
                found.append(Cluster(rows[cluster], f"the same image is labelled {names}"))
        yield from _report(self, evidence, found)


@dataclass(frozen=True, slots=True, kw_only=True)
class NearDuplicate(Rule):
    """No images that nearly are each other's copies (seeds/002 Part 5, "Insufficient Variation in Perspective").

    Attributes:
        distance: up to how many of the 64 bits of the perceptual hash may differ.
    """

    id: ClassVar[str] = "near-duplicate"
    source: ClassVar[str] = "seeds/002 Part 5"
    per_file: ClassVar[bool] = True
    severity: Severity = "warning"
    distance: Distance = 4

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Reports each cluster, except those of equal images, which `duplicate` reports."""
        if evidence.measurements is None:
            yield self.skip(UNMEASURED)
            return
        rows, names, distance = alike(evidence, evidence.measurements, self.distance)
        pixels = equal_rows(evidence.measurements.at(rows)["pixels"])
        lowered = f"; at {self.distance} they tell hardly any apart here" if distance < self.distance else ""
        message = f"images look alike (perceptual hashes within {distance} of 64 bits{lowered})"
        found = [
            Cluster(rows[cluster], f"{len(cluster)} {message}")
            for cluster in clusters(names)
            if len(set(pixels[cluster].tolist())) > 1
        ]
        yield from _report(self, evidence, found)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitLeakage(Rule):
    """No image, duplicate, near-duplicate, group or augmented child on both sides of a split (seeds/002 Part 6).

    The same image, group or parent on both sides is a proof, and so is a copy that was resized, encoded anew, blurred
    or made brighter: its low frequencies are in the same proportions. That two images merely look alike is evidence
    only, and splits that are published as they are have such pairs (CIFAR-10 has); so by itself it fails as a warning.
    Where strangers look alike, as digits do, likeness proves nothing.

    Attributes:
        distance: as for ``near-duplicate``.
        look_alike: the severity of images that look alike and are no copies.
    """

    id: ClassVar[str] = "split-leakage"
    source: ClassVar[str] = "seeds/002 Part 6"
    per_file: ClassVar[bool] = True
    distance: Distance = 4
    look_alike: Severity = "warning"

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Reports what several splits share, by what it is that they share."""
        usable = np.flatnonzero(evidence.labels >= 0)
        sides = split_sides(evidence)
        if not _parted(sides, usable):
            yield self.skip("the source has no splits; a split column or layout: split_directory supplies them")
            return
        seen: set[tuple[int, ...]] = set()
        found = []
        for cluster in self._shared(evidence, usable, sides):
            inside = cluster.rows[sides[cluster.rows] >= 0]
            key = tuple(inside.tolist())
            if key not in seen and _parted(sides, inside):
                seen.add(key)
                splits = ", ".join(sorted({evidence.table.split[row] for row in key}))
                says = f"{cluster.says} on both sides of a split ({splits})"
                found.append(cluster._replace(rows=inside, says=says))
        yield from _report(self, evidence, found)

    def _shared(self, evidence: Evidence, usable: Rows, sides: Rows) -> Iterator[Cluster]:
        """Proofs first: what they show need not be suspected again."""
        if evidence.parents is not None:
            first = {sample: row for row, sample in enumerate(evidence.table.id)}
            parents = evidence.parents
            origin = np.array([first.get(parents[row], row) if parents[row] else row for row in usable.tolist()])
            yield from (Cluster(usable[c], "an image and what was augmented from it are") for c in clusters(origin))
        groups = evidence.table.group
        grouped = usable[np.array([bool(groups[row]) for row in usable.tolist()], bool)]
        for members in clusters(groups.codes[grouped]):
            rows = grouped[members]
            yield Cluster(rows, f"images of the group {groups[int(rows[0])]} are")
        if evidence.measurements is not None:
            rows = np.flatnonzero(evidence.measured)
            pixels = equal_rows(evidence.measurements.at(rows)["pixels"])
            yield from (Cluster(rows[members], "the same image is") for members in clusters(pixels))
            yield from self._alike(evidence, evidence.measurements, sides)

    def _alike(self, evidence: Evidence, measurements: Measurements, sides: Rows) -> Iterator[Cluster]:
        """Copies first, then what merely looks alike; only what is on several sides is looked at."""
        rows, names, distance = alike(evidence, measurements, self.distance)
        leaking = [rows[members] for members in clusters(names) if _parted(sides, rows[members])]
        if distance == self.distance:
            for members in leaking:
                copies = copy_clusters(measurements.at(members)["waves"])
                yield from (Cluster(members[same], "copies of one image are") for same in clusters(copies))
        suspicion = self.look_alike if self.severity == "error" else None
        yield from (Cluster(members, "images that look alike are", suspicion) for members in leaking)


def alike(evidence: Evidence, measurements: Measurements, distance: int) -> tuple[Rows, NDArray[np.integer], int]:
    """The rows that have something to see, the cluster of each, and the distance that tells them apart."""
    rows = np.flatnonzero(evidence.measured & (measurements["spread"] >= FLAT))
    hashes = np.ascontiguousarray(measurements.at(rows)["hash"]).astype(np.uint64)
    return rows, *telling_clusters(hashes, distance)


def split_sides(evidence: Evidence) -> Rows:
    """(N,) a number for each side of the split, -1 for none: stress sets are on the side of what they are made from."""
    splits = evidence.table.split
    names = [value if value.startswith("fold-") else value.split("-")[0] for value in splits.values]
    index = {name: number for number, name in enumerate(dict.fromkeys(name for name in names if name))}
    lookup = np.array([index.get(name, -1) for name in names] or [-1], np.intp)
    return lookup[splits.codes]


def _parted(sides: Rows, rows: Rows) -> bool:
    """Whether rows are on several sides of the split."""
    return len(set(sides[rows].tolist()) - {-1}) > 1


def _report(rule: Rule, evidence: Evidence, found: list[Cluster]) -> Iterator[Finding]:
    """One finding for each cluster, and one for each class that is in none."""
    touched: set[int] = set()
    for rows, says, severity in found:
        labels = set(evidence.labels[rows].tolist())
        touched |= labels
        subject = evidence.classes[labels.pop()] if len(labels) == 1 else None
        finding = rule.finding("fail", says, subject, Compared(len(rows), 1), evidence.ids(rows))
        yield finding if severity is None else replace(finding, severity=severity)
    for label, name in enumerate(evidence.classes):
        if label not in touched:
            yield rule.finding("pass", f"{name}: none found", name, Compared(0, 0))
