"""Rules about what a network says of the images, where the stage features has stored it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

import numpy as np
from annotated_types import Ge, Gt, Le

from imgprep.checks.base import Compared, Evidence, Finding, Rule, Severity, verdict
from imgprep.checks.groups import Rows, clusters
from imgprep.checks.network_features import NetworkFeatures
from imgprep.checks.rules.duplicates import Cluster, report_clusters
from imgprep.similarity.union_find import unite
from imgprep.util.quantity import quantity

NO_FEATURES: Final = "no features of a network; --stage features supplies them, with the section features"
SMALLEST: Final = 10
"""Images of a class from which on one can be far from the others."""
HARDLY: Final = 0.5
"""The share of images that are alike from which on a layer is too coarse to tell copies."""
MOST: Final = 20_000
"""Images up to which all pairs are compared: more would take hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRule(Rule):
    """A rule about the features of a network."""

    stages: ClassVar[frozenset[str]] = frozenset({"features"})
    severity: Severity = "warning"

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Judges the features, where there are some."""
        if evidence.features is None or not len(evidence.features.rows):
            yield self.skip(NO_FEATURES)
            return
        yield from self.judge(evidence, evidence.features)

    def judge(self, evidence: Evidence, features: NetworkFeatures) -> Iterator[Finding]:
        """Judges the features."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureOutlier(FeatureRule):
    """No image is far from all others of its class to a network (Handbook, part 5).

    The distance of an image is the mean cosine distance to its nearest neighbours in the class. An outlier is beyond
    the upper quartile of the class by more than `whisker` times the distance between the quartiles (Tukey, 1977).

    Why:
        An image that is unlike its class is often of another class, of nothing, or of a sort that is missing otherwise.

    Fix:
        Look at the images: relabel or exclude those that do not belong, and collect more of the sort that is rare.

    Off:
        Where a class is whatever does not belong to the others, or where the network was trained on pictures of another
        kind, as photographs for X-rays.

    Attributes:
        whisker: distances between the quartiles; 3 is what Tukey called far out.
        neighbours: how many nearest images count.
    """

    id: ClassVar[str] = "feature-outlier"
    source: ClassVar[str] = "Handbook, part 5 (assembly)"
    per_file: ClassVar[bool] = True
    whisker: Annotated[float, Gt(0)] = 3.0
    neighbours: Annotated[int, Ge(1), Le(SMALLEST - 1)] = 3

    def judge(self, evidence: Evidence, features: NetworkFeatures) -> Iterator[Finding]:
        """Judges each class."""
        labels = evidence.labels[features.rows]
        for label, name in enumerate(evidence.classes):
            members = np.flatnonzero(labels == label)
            if len(members) < SMALLEST:
                yield self.finding("skipped", f"{name} has {len(members)} images, {SMALLEST} are needed", name)
                continue
            distances = features.distances(members, self.neighbours)
            low, high = np.percentile(distances, [25, 75])
            limit = float(high + self.whisker * (high - low))
            far = members[distances > limit]
            far = far[np.argsort(-distances[distances > limit], kind="stable")]
            message = f"{name}: {quantity(len(far), verb='is')} far from the others to the network"
            if not len(far):
                message = f"{name}: no outlier among {len(members)}"
            compared, samples = Compared(len(far), 0), evidence.ids(features.rows[far])
            yield self.finding(verdict(not len(far)), message, name, compared, samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureDuplicate(FeatureRule):
    """No two images are nearly the same to a network (Handbook, part 5).

    Features are compared by the cosine between them, less their mean. It finds what pixels do not tell: the same scene
    a moment later, or from a step aside.

    Why:
        Images of the same scene add little, and where one is trained on and another is tested with, the test is too
        easy.

    Fix:
        Keep one of each, or give them a common group, which split.group keeps on one side.

    Off:
        Where all images are of one scene, as those of a fixed camera, or where the layer keeps so little of an image
        that different ones look the same; a higher min is the milder remedy.

    Attributes:
        min: the cosine from which on two images are alike, up to 1.
    """

    id: ClassVar[str] = "feature-duplicate"
    source: ClassVar[str] = "Handbook, part 5 (variation in perspective)"
    together: ClassVar[bool] = True
    min: Annotated[float, Gt(0), Le(1)] = 0.98

    def judge(self, evidence: Evidence, features: NetworkFeatures) -> Iterator[Finding]:
        """Judges all images together."""
        if len(features.rows) > MOST:
            yield self.skip(f"{len(features.rows)} images are more than the {MOST} whose pairs are compared")
            return
        first = np.arange(len(features.rows))
        pairs = np.array(list(features.alike(self.min)), np.intp).reshape(-1, 2)
        unite(first, pairs[:, 0], pairs[:, 1])
        same = sum(len(group) for group in clusters(first))
        if same > HARDLY * len(first):
            said = f"{same} of {len(first)} images are nearly the same to the network: the layer tells hardly any apart"
            yield self.finding("inconclusive", f"{said}; take features from an earlier one, or raise min")
            return
        splits = evidence.table.split[features.rows]
        says = "images are nearly the same to the network"
        found = [
            Cluster(features.rows[group], f"{len(group)} {says}{_across(splits, group)}") for group in clusters(first)
        ]
        yield from report_clusters(self, evidence, found)


def _across(splits: Sequence[str], group: Rows) -> str:
    """Names the splits of images that should be of one."""
    between = sorted({splits[place] for place in group.tolist()} - {""})
    return f", in {' and '.join(between)}" if len(between) > 1 else ""
