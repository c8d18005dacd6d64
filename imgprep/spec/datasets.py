"""The sections that say what becomes of the images: split and pack."""

import re
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le
from pydantic import Field, ValidationInfo, field_validator

from imgprep.spec.binding import FilePath, Flag, Integer, Number
from imgprep.spec.fields import Count, Fraction, Name, Section, Storage
from imgprep.spec.problems import wrong

Method = Literal["stratified", "random", "hash", "predefined", "kfold"]
DEFAULT_VALIDATION = 0.1


class FrozenTest(Section):
    """A test set that keeps its members.

    Attributes:
        path: the dataset.json of an earlier split or pack stage.
    """

    path: FilePath = Field(alias="from")


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


Test = Annotated[
    Literal["auto"] | Count | Fraction | FrozenTest,
    "auto, a number of images, a fraction under 1 such as 0.2, or {from: earlier/dataset.json}",
]
Validation = Annotated[Count | Fraction | None, "a number of images or a fraction under 1 such as 0.1"]
Preset = Literal[
    "none", "unit", "symmetric", "minmax", "percentile", "samplewise", "keras-tf", "keras-caffe", "torch-imagenet"
]
Normalize = Annotated[
    Preset | Standardize | Center,
    "none, unit, symmetric, minmax, percentile, samplewise, keras-tf, keras-caffe, torch-imagenet, "
    "{standardize: global}, channel, pixel or {pixel: per_position}, or {center: global}, channel, pixel or samplewise",
]


class SplitSection(Section):
    """Train, validation and test, or folds.

    Attributes:
        test: auto is 20 % of fewer than 1000 images, 10 % of fewer than 10000, else 5 %.
        validation: of what remains after test; 0.1, or none for a predefined split, when left out.
        method: predefined when left out and the source has splits of its own, else stratified.
        group: an attribute, or a regular expression on the id, whose value must not be split.
        missing_group: what an image without a group means: own makes it a group of its own, refuse refuses the
            collection; when left out, it is refused only where most images have no group.
        near_duplicates: whether images that look alike stay on one side.
        folds: for kfold.
        fraction: a stratified part of the whole, for ablation runs.
    """

    test: Test = "auto"
    validation: Validation = None
    method: Method | None = None
    group: Name | None = None
    missing_group: Literal["own", "refuse"] | None = None
    near_duplicates: Literal["together", "ignore"] = "together"
    folds: Annotated[Integer, Ge(2), Le(1000)] = 5
    fraction: Annotated[Number, Gt(0), Le(1)] = 1.0

    @field_validator("group")
    @classmethod
    def _compiles(cls, group: str | None) -> str | None:
        try:
            re.compile(group or "")
        except re.error as error:
            raise wrong(f"is neither an attribute nor a regular expression: {error}") from None
        return group

    @field_validator("validation")
    @classmethod
    def _leaves_training_images(cls, validation: float | None, info: ValidationInfo) -> float | None:
        test = info.data.get("test")
        if isinstance(test, float) and isinstance(validation, float) and test + validation >= 1:
            raise wrong(f"with split.test: {test} leaves nothing to train on; together they must be under 1")
        return validation

    @field_validator("method")
    @classmethod
    def _decides_by_itself(cls, method: Method | None, info: ValidationInfo) -> Method | None:
        counts = [key for key in ("test", "validation") if isinstance(info.data.get(key), int) and info.data[key]]
        if method == "hash" and counts:
            raise wrong(f"hash takes a fraction for {' and '.join(counts)}, not a number of images; give 0.1, say")
        return method

    def method_for(self, source_splits: bool) -> Method:
        """The method, given whether the source has splits of its own."""
        return self.method or ("predefined" if source_splits else "stratified")

    def validation_for(self, method: Method) -> float:
        """How much validation to carve out: an int is a number of images, a float a fraction."""
        if self.validation is not None:
            return self.validation
        return 0 if method == "predefined" else DEFAULT_VALIDATION


class PackSection(Storage):
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
        if layout == "by_class" and info.data.get("format") == "npz":
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

    @property
    def kind(self) -> str:
        """The normalisation in one word: ``unit``, ``standardize-channel`` ..."""
        return self.normalize if isinstance(self.normalize, str) else self.normalize.kind

    @property
    def fitted(self) -> bool:
        """Whether the normalisation takes statistics of training images."""
        return not isinstance(self.normalize, str) and not self.kind.endswith("samplewise")
