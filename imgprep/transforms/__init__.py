"""Image steps, random transforms and stress tests: pure array functions, and the tables that name their models."""

from typing import Any, Final

from imgprep.transforms.base import Step, Transform, name_in_spec
from imgprep.util.lazy_table import LazyTable


def _table(*classes: str) -> LazyTable[Any]:
    """The classes, each ``module:Class``, by their names in the spec."""
    return LazyTable({name_in_spec(entry.partition(":")[2]): f"imgprep.transforms.{entry}" for entry in classes})


STEPS: Final[LazyTable[type[Step]]] = _table(
    "contrast:ContrastStretch",
    "contrast:Equalize",
    "contrast:Clahe",
    "contrast:Gray",
    "contrast:Threshold",
    "morphology:Erode",
    "morphology:Dilate",
    "morphology:Open",
    "morphology:Close",
    "morphology:WhiteTophat",
    "morphology:BlackTophat",
    "contrast:InvertStep",
    "filters:GaussianBlur",
    "filters:MedianBlur",
    "resize:Repeat",
    "resize:CenterCrop",
    "resize:Pad",
    "contrast:PercentileClip",
)
"""The steps of ``convert.steps``."""

TRANSFORMS: Final[LazyTable[type[Transform]]] = _table(
    "geometric:Flip",
    "geometric:Rot90",
    "geometric:Rotate",
    "geometric:Zoom",
    "geometric:Shift",
    "geometric:Shear",
    "geometric:Affine",
    "perspective:Perspective",
    "geometric:Crop",
    "intensity:Brightness",
    "intensity:ChannelGain",
    "intensity:Gamma",
    "intensity:RangeGain",
    "intensity:ChannelShift",
    "intensity:HueSaturation",
    "corruption:GaussianNoise",
    "corruption:Blur",
    "intensity:Invert",
    "corruption:Erase",
    "corruption:Jpeg",
    "policies:OneOf",
    "policies:SomeOf",
    "policies:Grid",
    "keras:Keras",
)
"""The transforms of ``augment.transforms``."""

STRESS: Final[LazyTable[type[Transform]]] = _table(
    "stress:Inverted",
    "stress:Shifted",
    "stress:Rotated",
    "stress:Dimmed",
    "stress:Blurred",
    "stress:Noisy",
    "background:Background",
)
"""The stress tests of ``augment.stress``; each is made without arguments."""
