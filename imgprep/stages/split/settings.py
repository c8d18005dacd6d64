"""The settings of the split stage."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le
from pydantic import Field, ValidationInfo, field_validator

from imgprep.settings.fields import Count, FilePath, Fraction, Integer, Name, Number, Section
from imgprep.settings.problems import Keys, Problem, wrong
from imgprep.similarity.groups import Grouping

Method = Literal["stratified", "random", "hash", "predefined", "kfold"]
Size = float | int
"""A share below 1, or a number of images."""
DEFAULT_VALIDATION = 0.1


class FrozenTest(Section):
    """A test set that keeps its members.

    Attributes:
        path: the dataset.json of an earlier split or pack stage.
    """

    path: FilePath = Field(alias="from")


Test = Annotated[
    Literal["auto"] | Count | Fraction | FrozenTest,
    "auto, a number of images, a fraction under 1 such as 0.2, or {from: earlier/dataset.json}",
]
Validation = Annotated[Count | Fraction | None, "a number of images or a fraction under 1 such as 0.1"]


class SplitSettings(Section):
    """Train, validation and test, or folds.

    Attributes:
        test: auto is 20 % of fewer than 1000 images, 10 % of fewer than 10000, else 5 %.
        validation: of what remains after test; 0.1, or none for a predefined split, when left out.
        method: predefined when left out and the source has splits of its own, else stratified.
        group: an attribute, or a regular expression on the id; images with the same value stay together.
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

    def contradictions(self, earlier: Mapping[str, Any]) -> Iterator[Problem]:
        """Folds have no test split of their own."""
        if self.method == "kfold" and isinstance(self.test, FrozenTest):
            yield Problem(("test",), "folds have no test split to freeze; leave the key out")

    def files(self) -> Iterator[tuple[Keys, Path]]:
        """The earlier split, where the test split is that of one."""
        if isinstance(self.test, FrozenTest):
            yield ("test", "from"), self.test.path

    def method_for(self, source_splits: bool) -> Method:
        """The method, given whether the source has splits of its own."""
        return self.method or ("predefined" if source_splits else "stratified")

    @property
    def together(self) -> bool:
        """True if near-duplicates stay on one side."""
        return self.near_duplicates == "together"

    def grouping(self, where: str) -> Grouping:
        """The grouping of the images; ``where`` is the file and line of the section, for messages."""
        return Grouping(self.group, self.missing_group, where)

    def validation_for(self, method: Method) -> float:
        """The size of the validation split: an int is a number of images, a float a fraction."""
        if self.validation is not None:
            return self.validation
        return 0 if method == "predefined" else DEFAULT_VALIDATION


@dataclass(frozen=True, slots=True)
class SplitRequest:
    """The settings of a split, and what the source and the run add to them.

    Attributes:
        settings: of the spec.
        source_splits: whether the source gives splits.
        frozen: ids that are the test split, and nothing else is; None without a frozen test split.
        seed: of the shuffle.
        where: file and line of the section, for messages.
    """

    settings: SplitSettings
    source_splits: bool = False
    frozen: frozenset[str] | None = None
    seed: int = 0
    where: str = "split"

    @property
    def method(self) -> Method:
        """The method that chooses images."""
        return self.settings.method_for(self.source_splits)

    @property
    def test(self) -> Size | None:
        """The size of the test split: a share or a number of images; None is by the size of the collection."""
        test = self.settings.test
        return None if isinstance(test, str | FrozenTest) else test

    @property
    def validation(self) -> Size:
        """The size of the validation split: a share of what remains after test, or a number of images."""
        return self.settings.validation_for(self.method)

    @property
    def grouping(self) -> Grouping:
        """The grouping of the images."""
        return self.settings.grouping(self.where)

    def values(self) -> dict[str, Any]:
        """Plain values for a fingerprint; ``missing_group`` refuses a collection or changes nothing."""
        return {
            "method": self.method,
            "test": self.test,
            "validation": self.validation,
            "group": self.settings.group,
            "folds": self.settings.folds,
            "fraction": self.settings.fraction,
            "seed": self.seed,
            "frozen": None if self.frozen is None else sorted(self.frozen),
            "together": self.settings.together,
        }
