"""Rules about the splits of a collection: Handbook, part 6."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from imgprep.checks.base import ALL_STAGES, Compared, Evidence, Finding, Rule, Severity
from imgprep.checks.groups import Rows, clusters, equal_rows
from imgprep.checks.measurements import Measurements
from imgprep.checks.rules.duplicates import Cluster, Distance, lookalikes, report_clusters
from imgprep.similarity.groups import group_codes
from imgprep.similarity.phash import copy_clusters
from imgprep.similarity.union_find import unite
from imgprep.util.quantity import quantity

UNDIVIDED: Final = (
    "no splits: the source gives none, or split.method replaces them; a split column or layout: split_directory "
    "supplies them, and --stage split judges those that imgprep decides"
)
FOLD: Final = "fold-"
CROPPED: Final = 64
"""Pixels of a side from which on a crop by 5 % can be distinguished from another picture of the same thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitLeakage(Rule):
    """No image, duplicate, near-duplicate, group or augmented child on both sides of a split (Handbook, part 6).

    The same image, group or parent on both sides is a proof, and so is a copy that was resized, encoded anew, blurred
    or made brighter, for its low frequencies are in the same proportions, or one that was mirrored, turned by quarters
    or cropped by up to 5 % of a side. Of images with fewer than 64 pixels a side, where 5 % are one or two pixels, a
    crop is no proof. That two images merely look alike is evidence only, and splits that are published as they are have
    such pairs (CIFAR-10 has); so by itself it fails as a warning. Where strangers look alike, as digits do, likeness
    proves nothing.

    Why:
        A model that is tested on what it was trained on remembers instead of recognising, and its score is too good.

    Fix:
        Let split divide the images by group, and keep near-duplicates together; or exclude the copies from one side.

    Off:
        Never for your own splits: settle the pairs that you have looked at by decisions. For a published split that
        must stay as it is, set look_alike to off, or the severity to warning.

    Attributes:
        distance: as for ``near-duplicate``.
        look_alike: the severity of images that look alike and are no copies.
    """

    id: ClassVar[str] = "split-leakage"
    source: ClassVar[str] = "Handbook, part 6 (splits)"
    stages: ClassVar[frozenset[str]] = ALL_STAGES
    per_file: ClassVar[bool] = True
    together: ClassVar[bool] = True
    distance: Distance = 4
    look_alike: Severity = "warning"

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Reports what several splits share, by what it is that they share."""
        usable = np.flatnonzero(evidence.labels >= 0)
        _, sides = split_names(evidence)
        if not _parted(sides, usable):
            yield self.skip(UNDIVIDED)
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
        yield from report_clusters(self, evidence, found)

    def _shared(self, evidence: Evidence, usable: Rows, sides: Rows) -> Iterator[Cluster]:
        """Proofs first: what they show need not be suspected again."""
        if evidence.parents is not None:
            first = {sample: row for row, sample in enumerate(evidence.table.id)}
            parents = evidence.parents
            origin = np.array([first.get(parents[row], row) if parents[row] else row for row in usable.tolist()])
            yield from (Cluster(usable[c], "an image and what was augmented from it are") for c in clusters(origin))
        groups = group_codes(evidence.table.group)
        grouped = usable[groups[usable] >= 0]
        for members in clusters(groups[grouped]):
            rows = grouped[members]
            yield Cluster(rows, f"images of the group {evidence.table.group[int(rows[0])]} are")
        if evidence.measurements is not None:
            rows = np.flatnonzero(evidence.measured)
            pixels = equal_rows(evidence.measurements.at(rows)["pixels"])
            yield from (Cluster(rows[members], "the same image is") for members in clusters(pixels))
            yield from self._alike(evidence, evidence.measurements, sides)

    def _alike(self, evidence: Evidence, measurements: Measurements, sides: Rows) -> Iterator[Cluster]:
        """Copies first, then what merely looks alike; only what is on several sides is looked at."""
        rows, found, altered = lookalikes(evidence, measurements, self.distance)
        leaking = [members for members in clusters(found.clusters) if _parted(sides, rows[members])]
        if found.distance == self.distance:
            for members in leaking:
                seen = measurements.at(rows[members])
                pairs, large = altered.at(members), np.minimum(seen["height"], seen["width"]) >= CROPPED
                pairs = pairs.only(pairs.whole | (large[pairs.left] & large[pairs.right]))
                copies = copy_clusters(seen["waves"])
                unite(copies, pairs.left, pairs.right)
                how = f" ({', '.join(pairs.words())})" if len(pairs.left) else ""
                yield from (Cluster(rows[members[same]], f"copies of one image{how} are") for same in clusters(copies))
        suspicion = self.look_alike if self.severity == "error" else None
        yield from (Cluster(rows[members], "images that look alike are", suspicion) for members in leaking)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitCoverage(Rule):
    """Every class has training images, those of evaluation splits too (Handbook, part 6).

    Of folds each is the evaluation once, and the others are what is trained on: a class that is in one fold only has
    no training image then.

    Why:
        A class that is never trained on is never recognised, and one that is never tested may fail unseen.

    Fix:
        Choose a stratified split or other shares, or collect more images of the class.

    Off:
        Where an evaluation split holds classes on purpose that are not trained on, as a test for the unknown does.
    """

    id: ClassVar[str] = "split-coverage"
    source: ClassVar[str] = "Handbook, part 6 (splits)"
    needs_labels: ClassVar[bool] = True
    stages: ClassVar[frozenset[str]] = ALL_STAGES

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Judges each class that has images in any split."""
        names, sides = split_names(evidence)
        usable = np.flatnonzero((evidence.labels >= 0) & (sides >= 0))
        if not len(usable):
            yield self.skip(UNDIVIDED)
            return
        counts = np.zeros((len(names), len(evidence.classes)), np.int64)
        np.add.at(counts, (sides[usable], evidence.labels[usable]), 1)
        folds = np.array([name.startswith(FOLD) for name in names])
        for label, name in enumerate(evidence.classes):
            column = counts[:, label]
            if not column.any():
                continue
            rows = usable[evidence.labels[usable] == label]
            inside = [names[side] for side in np.flatnonzero(column).tolist()]
            if folds.any():
                yield self._folded(name, [each for each in inside if each.startswith(FOLD)], evidence.ids(rows))
                continue
            training = int(column[names.index("train")]) if "train" in names else 0
            if training:
                yield self.finding("pass", f"{name}: {quantity(training)} to train on", name, Compared(training, 1))
                continue
            where = " and ".join(f"{column[names.index(each)]} in {each}" for each in inside)
            message = f"{name} has no training image: of its {quantity(len(rows))} there are {where}"
            yield self.finding("fail", message, name, Compared(0, 1), evidence.ids(rows))

    def _folded(self, name: str, folds: list[str], ids: tuple[str, ...]) -> Finding:
        if len(folds) > 1:
            return self.finding("pass", f"{name}: in {len(folds)} folds", name, Compared(len(folds), 2))
        message = f"{name} has no training image when {' and '.join(folds)} is evaluated: all {len(ids)} are in it"
        return self.finding("fail", message, name, Compared(len(folds), 2), ids)


def split_names(evidence: Evidence) -> tuple[list[str], Rows]:
    """The sides of the split by name, and (N,) the number of that of each row, -1 for none.

    Stress sets are on the side of what they are made from.
    """
    splits = evidence.table.split
    names = [value if value.startswith(FOLD) else value.split("-")[0] for value in splits.values]
    index = {name: number for number, name in enumerate(dict.fromkeys(name for name in names if name))}
    lookup = np.array([index.get(name, -1) for name in names] or [-1], np.intp)
    return list(index), lookup[splits.codes]


def _parted(sides: Rows, rows: Rows) -> bool:
    """Returns whether rows are on several sides of the split."""
    return len(set(sides[rows].tolist()) - {-1}) > 1
