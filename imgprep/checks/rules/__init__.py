"""The table of rules: to add one, write it in a file of its group and add a line here."""

from typing import TYPE_CHECKING, Final

from imgprep.util.lazy_table import LazyTable

if TYPE_CHECKING:
    from imgprep.checks.base import Rule

RULES: "Final[LazyTable[type[Rule]]]" = LazyTable(
    {
        name: f"imgprep.checks.rules.{entry}"
        for name, entry in (
            ("class-size", "counts:ClassSize"),
            ("class-balance-mean", "counts:ClassBalanceMean"),
            ("class-balance-max", "counts:ClassBalanceMax"),
            ("label-errors", "labels:LabelErrors"),
            ("color-share", "colors:ColorShare"),
            ("secondary-feature", "attributes:SecondaryFeature"),
            ("progression", "attributes:Progression"),
            ("none-class", "attributes:NoneClass"),
            ("license", "license:License"),
            ("unreadable", "files:Unreadable"),
            ("duplicate", "duplicates:Duplicate"),
            ("label-conflict", "duplicates:LabelConflict"),
            ("near-duplicate", "duplicates:NearDuplicate"),
            ("split-leakage", "splits:SplitLeakage"),
            ("split-coverage", "splits:SplitCoverage"),
            ("background", "background:Background"),
            ("lighting", "variation:Lighting"),
            ("perspective", "variation:Perspective"),
            ("resolution", "quality:Resolution"),
            ("exposure", "quality:Exposure"),
            ("blur", "quality:Blur"),
            ("encoding", "quality:Encoding"),
            ("drift", "drift:Drift"),
            ("packed-values", "packed:PackedValues"),
            ("packed-counts", "packed:PackedCounts"),
            ("packed-evaluation", "packed:PackedEvaluation"),
            ("packed-statistics", "packed:PackedStatistics"),
            ("feature-outlier", "features:FeatureOutlier"),
            ("feature-duplicate", "features:FeatureDuplicate"),
        )
    }
)
