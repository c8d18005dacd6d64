"""The settings of the pack stage."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, cast, get_args

from pydantic import BeforeValidator, ValidationInfo, field_validator

from imgprep.pipeline.storage import Storage
from imgprep.settings.fields import Flag, Section
from imgprep.settings.problems import Problem, wrong

if TYPE_CHECKING:
    from imgprep.transforms.normalize import Kind

COLOUR_ONLY: Final = ("keras-caffe", "torch-imagenet")
"""Normalisations that are for images of three channels."""


class PerPosition(Section):
    """Statistics for each pixel position in which the deviation too is that of the position.

    Attributes:
        pixel: what each position has of its own: a mean and a deviation.
    """

    pixel: Literal["per_position"]


class Standardize(Section):
    """Subtract the mean of the training images, divide by their deviation.

    Attributes:
        standardize: statistics over everything, for each channel, or for each pixel position (a mean for each and one
            deviation, or a deviation for each too); or those of each image by itself.
    """

    standardize: Literal["global", "channel", "pixel", "samplewise"] | PerPosition

    @property
    def kind(self) -> str:
        """The normalisation in one word."""
        if isinstance(self.standardize, PerPosition):
            return "standardize-position"
        return "samplewise" if self.standardize == "samplewise" else f"standardize-{self.standardize}"


class Center(Section):
    """Subtract the mean of the training images, and do not divide.

    Attributes:
        center: the mean over everything, for each channel, or for each pixel position; or that of each image by itself.
    """

    center: Literal["global", "channel", "pixel", "samplewise"]

    @property
    def kind(self) -> str:
        """The normalisation in one word."""
        return f"center-{self.center}"


Preset = Literal[
    "none", "unit", "symmetric", "minmax", "percentile", "samplewise", "keras-tf", "keras-caffe", "torch-imagenet"
]
PRESETS: Final[tuple[str, ...]] = get_args(Preset)
_OTHER_NAMES: Final = {"keras-torch": "torch-imagenet"}


def preset_of(value: object) -> object:
    """A value of the spec, a preset by its name here: Keras has one of its own for that of torchvision."""
    return _OTHER_NAMES.get(value, value) if isinstance(value, str) else value


Normalize = Annotated[
    Preset | Standardize | Center,
    BeforeValidator(preset_of),
    "none, unit, symmetric, minmax, percentile, samplewise, keras-tf, keras-caffe, torch-imagenet, "
    "{standardize: global}, channel, pixel or {pixel: per_position}, or {center: global}, channel, pixel or samplewise",
]


class PackSettings(Storage):
    """Shards for training, per split.

    Attributes:
        layout: flat arrays, or the handbook's group for each class.
        normalize: what is done to the levels.
        statistics: whether those of standardize and center are of the original training images, or of their copies too.
        dtype: of the packed images.
        labels: encoding of the labels.
        shuffle: whether each split is shuffled.
    """

    layout: Literal["flat", "by_class"] = "flat"
    normalize: Normalize = "unit"
    statistics: Literal["originals", "all"] = "originals"
    dtype: Literal["uint8", "uint16", "float16", "float32", "float64"] = "float32"
    labels: Literal["index", "one_hot"] = "index"
    shuffle: Flag = True

    @field_validator("layout")
    @classmethod
    def _has_groups(cls, layout: str, info: ValidationInfo) -> str:
        if layout == "by_class" and (format_ := info.data.get("format")) is not None and format_.name == "npz":
            raise wrong("by_class needs groups, which npz has not; use format: hdf5")
        return layout

    @field_validator("dtype")
    @classmethod
    def _holds_what_normalize_gives(cls, dtype: str, info: ValidationInfo) -> str:
        normalize = info.data.get("normalize")
        if normalize not in {None, "none"} and dtype in {"uint8", "uint16"}:
            name = normalize if isinstance(normalize, str) else next(iter(type(normalize).model_fields))
            raise wrong(f"{dtype} cannot hold the fractions of normalize: {name}; use float32, or normalize: none")
        return dtype

    def contradictions(self, earlier: Mapping[str, Any]) -> Iterator[Problem]:
        """The type and the normalisation must suit the images, and statistics need training images."""
        convert, split = earlier.get("convert"), earlier.get("split")
        deep = convert is not None and convert.bits == 16
        if deep and self.dtype == "uint8":
            yield Problem(("dtype",), "uint8 cannot hold 16-bit images; use uint16, or convert.depth: 8")
        if deep and self.dtype == "float16" and self.normalize == "none":
            text = "float16 cannot hold 16-bit levels; use float32, normalize: unit, or convert.depth: 8"
            yield Problem(("dtype",), text)
        if convert is not None and convert.channels == "gray" and self.normalize in COLOUR_ONLY:
            text = f"{self.normalize} is for colour images; use convert.channels: rgb, or normalize: symmetric"
            yield Problem(("normalize",), text)
        if split is not None and split.method == "kfold" and self.fitted:
            text = "takes its statistics from training images, which folds have none of; use unit or symmetric"
            yield Problem(("normalize",), text)

    @property
    def kind(self) -> "Kind":
        """The normalisation in one word: ``unit``, ``standardize-channel`` ..."""
        return cast("Kind", self.normalize if isinstance(self.normalize, str) else self.normalize.kind)

    @property
    def fitted(self) -> bool:
        """True if the normalisation takes statistics of training images."""
        return not isinstance(self.normalize, str) and not self.kind.endswith("samplewise")

    def values(self) -> dict[str, Any]:
        """Plain values for a fingerprint, without those of the storage and what changes nothing."""
        values = {
            "layout": self.layout,
            "dtype": self.dtype,
            "normalize": self.kind,
            "labels": self.labels,
            "shuffle": self.shuffle,
        }
        return values | ({"statistics": self.statistics} if self.fitted else {})
