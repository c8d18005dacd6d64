"""The table of rules: to add one, write it in a file of its group and add a line here."""

from collections.abc import Mapping
from typing import Final

from imgprep.checks.base import Rule
from imgprep.checks.rules.attributes import NoneClass, Progression, SecondaryFeature
from imgprep.checks.rules.background import Background
from imgprep.checks.rules.colors import ColorShare
from imgprep.checks.rules.counts import ClassBalanceMax, ClassBalanceMean, ClassSize
from imgprep.checks.rules.drift import Drift
from imgprep.checks.rules.duplicates import Duplicate, LabelConflict, NearDuplicate
from imgprep.checks.rules.features import FeatureDuplicate, FeatureOutlier
from imgprep.checks.rules.files import Unreadable
from imgprep.checks.rules.labels import LabelErrors
from imgprep.checks.rules.license import License
from imgprep.checks.rules.packed import PackedCounts, PackedEvaluation, PackedStatistics, PackedValues
from imgprep.checks.rules.quality import Blur, Encoding, Exposure, Resolution
from imgprep.checks.rules.splits import SplitCoverage, SplitLeakage
from imgprep.checks.rules.variation import Lighting, Perspective

RULES: Final[Mapping[str, type[Rule]]] = {
    rule.id: rule
    for rule in (
        ClassSize,
        ClassBalanceMean,
        ClassBalanceMax,
        LabelErrors,
        ColorShare,
        SecondaryFeature,
        Progression,
        NoneClass,
        License,
        Unreadable,
        Duplicate,
        LabelConflict,
        NearDuplicate,
        SplitLeakage,
        SplitCoverage,
        Background,
        Lighting,
        Perspective,
        Resolution,
        Exposure,
        Blur,
        Encoding,
        Drift,
        PackedValues,
        PackedCounts,
        PackedEvaluation,
        PackedStatistics,
        FeatureOutlier,
        FeatureDuplicate,
    )
}
