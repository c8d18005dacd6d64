"""Image steps, random transforms and stress tests: pure array functions, and the tables that name their models."""

from collections.abc import Mapping

from imgprep.transforms import (
    contrast,
    corruption,
    filters,
    geometric,
    intensity,
    keras,
    morphology,
    perspective,
    policies,
    resize,
    stress,
)
from imgprep.transforms.base import Step, Transform

STEPS: Mapping[str, type[Step]] = {
    "contrast_stretch": contrast.ContrastStretch,
    "equalize": contrast.Equalize,
    "clahe": contrast.Clahe,
    "gray": contrast.Gray,
    "threshold": contrast.Threshold,
    "erode": morphology.Erode,
    "dilate": morphology.Dilate,
    "open": morphology.Open,
    "close": morphology.Close,
    "white_tophat": morphology.WhiteTophat,
    "black_tophat": morphology.BlackTophat,
    "invert": contrast.InvertStep,
    "gaussian_blur": filters.GaussianBlur,
    "median_blur": filters.MedianBlur,
    "repeat": resize.Repeat,
    "center_crop": resize.CenterCrop,
    "pad": resize.Pad,
    "percentile_clip": contrast.PercentileClip,
}
"""The steps of ``convert.steps``."""

TRANSFORMS: Mapping[str, type[Transform]] = {
    "flip": geometric.Flip,
    "rot90": geometric.Rot90,
    "rotate": geometric.Rotate,
    "zoom": geometric.Zoom,
    "shift": geometric.Shift,
    "shear": geometric.Shear,
    "affine": geometric.Affine,
    "perspective": perspective.Perspective,
    "crop": geometric.Crop,
    "brightness": intensity.Brightness,
    "channel_gain": intensity.ChannelGain,
    "gamma": intensity.Gamma,
    "channel_shift": intensity.ChannelShift,
    "hue_saturation": intensity.HueSaturation,
    "gaussian_noise": corruption.GaussianNoise,
    "blur": corruption.Blur,
    "invert": intensity.Invert,
    "erase": corruption.Erase,
    "jpeg": corruption.Jpeg,
    "one_of": policies.OneOf,
    "some_of": policies.SomeOf,
    "grid": policies.Grid,
    "keras": keras.Keras,
}
"""The transforms of ``augment.transforms``."""

STRESS: Mapping[str, type[Transform]] = {
    "inverted": stress.Inverted,
    "shifted": stress.Shifted,
    "rotated": stress.Rotated,
    "dimmed": stress.Dimmed,
    "blurred": stress.Blurred,
    "noisy": stress.Noisy,
}
"""The stress tests of ``augment.stress``; each is made without arguments."""
