"""Rules about images that are there more than once: Handbook, part 5 wants distinct examples of every class."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
from annotated_types import Ge, Le

from imgprep.checks.base import Compared, Evidence, Finding, Rule, Severity
from imgprep.checks.groups import Rows, clusters, equal_rows
from imgprep.checks.measurements import Measurements
from imgprep.checks.pixel_rule import PixelRule
from imgprep.similarity.alike import Alike, Altered, alike
from imgprep.similarity.hamming import MAX_DISTANCE

Distance = Annotated[int, Ge(0), Le(MAX_DISTANCE)]
NOT_COMPARED = "; mirrored, turned and cropped copies are not looked for, since unrelated images look alike"


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
class Duplicate(PixelRule):
    """No two files with the same bytes, no two images with the same pixels (Handbook, part 5, "Too Few Images").

    Why:
        Repeated images count more than others, and fill up a class without adding to it.

    Fix:
        Keep one file of each set, preferably the largest and least compressed, and exclude the rest.

    Off:
        Where repetition is part of the data, as with generated or nearly empty images. The split keeps copies together
        all the same.
    """

    id: ClassVar[str] = "duplicate"
    source: ClassVar[str] = "Handbook, part 5 (class size)"
    per_file: ClassVar[bool] = True
    together: ClassVar[bool] = True
    severity: Severity = "warning"

    def judged(self, evidence: Evidence, measured: Measurements) -> Iterator[Finding]:
        """Reports each set of equal images."""
        rows = np.flatnonzero(evidence.measured)
        known = measured.at(rows)
        data = equal_rows(known["data"])
        found = []
        for cluster in clusters(equal_rows(known["pixels"])):
            same = "bytes" if len(set(data[cluster].tolist())) == 1 else "pixels"
            found.append(Cluster(rows[cluster], f"{len(cluster)} files hold the same {same}"))
        yield from report_clusters(self, evidence, found)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelConflict(PixelRule):
    """The same image is not under two labels (Handbook, part 5: the label error rate).

    Why:
        Of two labels for one image at least one is wrong, and the model learns both.

    Fix:
        Look at the image, decide which label is right, and correct or exclude the other file.

    Off:
        Where an image may carry several labels on purpose; a model of one label for each image then still sees a
        contradiction.
    """

    id: ClassVar[str] = "label-conflict"
    source: ClassVar[str] = "Handbook, part 5 (label errors)"
    needs_labels: ClassVar[bool] = True
    per_file: ClassVar[bool] = True
    together: ClassVar[bool] = True

    def judged(self, evidence: Evidence, measured: Measurements) -> Iterator[Finding]:
        """Reports each set of equal images with several labels."""
        rows = np.flatnonzero(evidence.measured)
        found = []
        for cluster in clusters(equal_rows(measured.at(rows)["pixels"])):
            labels = np.unique(evidence.labels[rows[cluster]]).tolist()
            if len(labels) > 1:
                names = ", ".join(evidence.classes[label] for label in labels)
                found.append(Cluster(rows[cluster], f"the same image is labelled {names}"))
        yield from report_clusters(self, evidence, found)


@dataclass(frozen=True, slots=True, kw_only=True)
class NearDuplicate(PixelRule):
    """No images that nearly are each other's copies (Handbook, part 5, "Insufficient Variation in Perspective").

    Also when one is mirrored, turned by quarters, or cropped by up to 5 % of a side, where strangers do not look alike.

    Why:
        Bursts, frames of a film and edited copies add little, and put nearly the same image on both sides of a split.

    Fix:
        Keep one image of each cluster, or keep them all and let the split hold them together, as it does by default.

    Off:
        Where images of different things look alike by nature, as digits, textures and X-rays do, or where frames of one
        scene are wanted. The split keeps near-duplicates together all the same.

    Attributes:
        distance: up to how many of the 64 bits of the perceptual hash may differ.
    """

    id: ClassVar[str] = "near-duplicate"
    source: ClassVar[str] = "Handbook, part 5 (variation in perspective)"
    per_file: ClassVar[bool] = True
    together: ClassVar[bool] = True
    severity: Severity = "warning"
    distance: Distance = 4

    def judged(self, evidence: Evidence, measured: Measurements) -> Iterator[Finding]:
        """Reports each cluster, except those of equal images, which `duplicate` reports."""
        rows, found, altered = lookalikes(evidence, measured, self.distance)
        pixels = equal_rows(measured.at(rows)["pixels"])
        distance = found.distance
        lowered = f"; at {self.distance} they tell hardly any apart here" if distance < self.distance else ""
        near = f"perceptual hashes within {distance} of 64 bits{lowered}"
        yield from report_clusters(
            self,
            evidence,
            [
                Cluster(rows[cluster], f"{len(cluster)} images look alike ({_how(altered, cluster, near)})")
                for cluster in clusters(found.clusters)
                if len(set(pixels[cluster].tolist())) > 1
            ],
            "" if found.altered else NOT_COMPARED,
        )


class Lookalikes(NamedTuple):
    """The images that look alike.

    Attributes:
        rows: of the images that have something to see.
        found: their clusters.
        altered: pairs of altered copies among them, as places in `rows`; none where strangers look alike.
    """

    rows: Rows
    found: Alike
    altered: Altered


def lookalikes(evidence: Evidence, measurements: Measurements, distance: int) -> Lookalikes:
    """The clusters of images that look alike, by the definition that the split goes by too; see `likeness.alike`."""
    rows = evidence.visible
    hashes = np.ascontiguousarray(measurements.at(rows)["hash"]).astype(np.uint64)
    altered = None if evidence.altered is None else evidence.altered.at(rows)
    found = alike(hashes, altered, distance)
    return Lookalikes(rows, found, altered if altered is not None and found.altered else Altered.none())


def _how(altered: Altered, cluster: Rows, near: str) -> str:
    """In what the images of a cluster are alike: what was done to some, or their hashes."""
    inside = altered.at(cluster)
    apart = len(np.unique(np.concatenate([inside.left, inside.right]))) == len(cluster)
    return ", ".join(inside.words()) if apart else "; ".join([*inside.words(), near])


def report_clusters(rule: Rule, evidence: Evidence, found: list[Cluster], limit: str = "") -> Iterator[Finding]:
    """One finding for each cluster, and one for each class that is in none.

    Args:
        rule: that reports them.
        evidence: of the collection.
        found: the clusters.
        limit: what could not be looked for, to be said of the classes that are in no cluster.
    """
    touched: set[int] = set()
    for rows, says, severity in found:
        labels = set(evidence.labels[rows].tolist())
        touched |= labels
        subject = evidence.classes[labels.pop()] if len(labels) == 1 else None
        finding = rule.finding("fail", says, subject, Compared(len(rows), 1), evidence.ids(rows))
        yield finding if severity is None else replace(finding, severity=severity)
    for label, name in enumerate(evidence.classes):
        if label not in touched:
            yield rule.finding("pass", f"{name}: none found{limit}", name, Compared(0, 0))
