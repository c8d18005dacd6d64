"""Image steps, random transforms and stress tests: pure array functions, and the tables that name their models."""

from typing import Final

from imgprep.transforms.base import Step, Transform
from imgprep.util.lazy_table import LazyTable

STEPS: Final = LazyTable[type[Step]](
    {
        "contrast_stretch": "imgprep.transforms.contrast:ContrastStretch",
        "equalize": "imgprep.transforms.contrast:Equalize",
        "clahe": "imgprep.transforms.contrast:Clahe",
        "gray": "imgprep.transforms.contrast:Gray",
        "threshold": "imgprep.transforms.contrast:Threshold",
        "erode": "imgprep.transforms.morphology:Erode",
        "dilate": "imgprep.transforms.morphology:Dilate",
        "open": "imgprep.transforms.morphology:Open",
        "close": "imgprep.transforms.morphology:Close",
        "white_tophat": "imgprep.transforms.morphology:WhiteTophat",
        "black_tophat": "imgprep.transforms.morphology:BlackTophat",
        "invert": "imgprep.transforms.contrast:InvertStep",
        "gaussian_blur": "imgprep.transforms.filters:GaussianBlur",
        "median_blur": "imgprep.transforms.filters:MedianBlur",
        "repeat": "imgprep.transforms.resize:Repeat",
        "center_crop": "imgprep.transforms.resize:CenterCrop",
        "pad": "imgprep.transforms.resize:Pad",
        "percentile_clip": "imgprep.transforms.contrast:PercentileClip",
    }
)
"""The steps of ``convert.steps``."""

TRANSFORMS: Final = LazyTable[type[Transform]](
    {
        "flip": "imgprep.transforms.geometric:Flip",
        "rot90": "imgprep.transforms.geometric:Rot90",
        "rotate": "imgprep.transforms.geometric:Rotate",
        "zoom": "imgprep.transforms.geometric:Zoom",
        "shift": "imgprep.transforms.geometric:Shift",
        "shear": "imgprep.transforms.geometric:Shear",
        "affine": "imgprep.transforms.geometric:Affine",
        "perspective": "imgprep.transforms.perspective:Perspective",
        "crop": "imgprep.transforms.geometric:Crop",
        "brightness": "imgprep.transforms.intensity:Brightness",
        "channel_gain": "imgprep.transforms.intensity:ChannelGain",
        "gamma": "imgprep.transforms.intensity:Gamma",
        "range_gain": "imgprep.transforms.intensity:RangeGain",
        "channel_shift": "imgprep.transforms.intensity:ChannelShift",
        "hue_saturation": "imgprep.transforms.intensity:HueSaturation",
        "gaussian_noise": "imgprep.transforms.corruption:GaussianNoise",
        "blur": "imgprep.transforms.corruption:Blur",
        "invert": "imgprep.transforms.intensity:Invert",
        "erase": "imgprep.transforms.corruption:Erase",
        "jpeg": "imgprep.transforms.corruption:Jpeg",
        "one_of": "imgprep.transforms.policies:OneOf",
        "some_of": "imgprep.transforms.policies:SomeOf",
        "grid": "imgprep.transforms.policies:Grid",
        "keras": "imgprep.transforms.keras:Keras",
    }
)
"""The transforms of ``augment.transforms``."""

STRESS: Final = LazyTable[type[Transform]](
    {
        "inverted": "imgprep.transforms.stress:Inverted",
        "shifted": "imgprep.transforms.stress:Shifted",
        "rotated": "imgprep.transforms.stress:Rotated",
        "dimmed": "imgprep.transforms.stress:Dimmed",
        "blurred": "imgprep.transforms.stress:Blurred",
        "noisy": "imgprep.transforms.stress:Noisy",
        "background": "imgprep.transforms.background:Background",
    }
)
"""The stress tests of ``augment.stress``; each is made without arguments."""
