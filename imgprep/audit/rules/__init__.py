"""The table of rules: to add one, write it in a file of its group and add a line here."""

from collections.abc import Mapping
from typing import Final

from imgprep.audit.base import Rule
from imgprep.audit.rules.attributes import ColorShare, License, NoneClass, Progression, SecondaryFeature
from imgprep.audit.rules.background import Background
from imgprep.audit.rules.counts import ClassBalanceMax, ClassBalanceMean, ClassSize
from imgprep.audit.rules.duplicates import Duplicate, LabelConflict, NearDuplicate
from imgprep.audit.rules.files import Unreadable
from imgprep.audit.rules.labels import LabelErrors
from imgprep.audit.rules.quality import Blur, Encoding, Exposure, Resolution
from imgprep.audit.rules.splits import SplitCoverage, SplitLeakage
from imgprep.audit.rules.variation import Lighting, Perspective

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
    )
}
