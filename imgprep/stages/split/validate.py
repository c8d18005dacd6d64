"""The split settings of the spec, and the check that a collection can satisfy them."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from imgprep.errors import RequestError
from imgprep.similarity.groups import Grouping, Missing, group_codes
from imgprep.stages.split.allocate import NAMES, TEST, VALIDATION, auto_fraction, round_half_up
from imgprep.table.sample import SampleTable

Method = Literal["stratified", "random", "hash", "predefined", "kfold"]
Size = float | int
"""A fraction (float, below 1), or a number of images (int)."""


@dataclass(frozen=True, slots=True)
class SplitSettings:
    """The split section of the spec.

    Attributes:
        method: how images are chosen.
        test: size of the test split; None chooses it by the size of the collection.
        validation: size of the validation split: a fraction of the images outside test, or a number of images.
        group: an attribute, or a regular expression on the id; images with the same value stay together.
        missing_group: how to treat images without a group: see `Grouping`.
        folds: number of folds for ``kfold``.
        fraction: the fraction of the collection to use.
        frozen: the ids that make up the test split.
        seed: of the shuffle.
        where: file and line of the section, for messages.
    """

    method: Method = "stratified"
    test: Size | None = None
    validation: Size = 0.1
    group: str | None = None
    missing_group: Missing | None = None
    folds: int = 5
    fraction: float = 1.0
    frozen: frozenset[str] | None = None
    seed: int = 0
    where: str = "split"

    def settings(self) -> dict[str, Any]:
        """Plain values for a fingerprint; ``missing_group`` refuses a collection or changes nothing."""
        left_out = {"where", "frozen", "missing_group"}
        return {name: getattr(self, name) for name in self.__slots__ if name not in left_out} | {
            "frozen": None if self.frozen is None else sorted(self.frozen)
        }

    @property
    def grouping(self) -> Grouping:
        """The grouping of the images."""
        return Grouping(self.group, self.missing_group, self.where)


def check_settings(table: SampleTable, settings: SplitSettings) -> None:
    """Refuses settings that the collection cannot satisfy even if every image is usable, before anything is made.

    Raises:
        RequestError: the collection lacks the splits or groups that the settings need, or has fewer images than they
            ask for.
    """
    groups = group_codes(settings.grouping.column(table))
    usable = table.ok()
    if settings.method == "predefined":
        check_predefined(table, settings)
        counts = table.split[np.flatnonzero(usable)].counts()
        if not counts.get(NAMES[VALIDATION]):
            rest = sum(counts.values()) - counts.get(NAMES[TEST], 0)
            wanted_images(settings.validation, rest, "validation", settings)
    elif settings.method == "kfold":
        grouped = usable & (groups >= 0)
        check_folds(int((usable & ~grouped).sum()) + len(np.unique(groups[grouped])), settings)
    elif settings.method != "hash":
        images = part_of(int(usable.sum()), settings.fraction)
        test_images = 0 if settings.frozen is not None else wanted_images(settings.test, images, "test", settings)
        wanted_images(settings.validation, images - test_images, "validation", settings)


def part_of(images: int, share: float) -> int:
    """The number of images in a fraction of `images`."""
    return round_half_up(images * share)


def wanted_images(size: Size | None, images: int, name: str, settings: SplitSettings) -> int:
    """The number of images for a split, given the number available.

    Raises:
        RequestError: more than are available.
    """
    if size is None:
        size = auto_fraction(images)
    count = part_of(images, size) if isinstance(size, float) else size
    if count > images:
        raise RequestError(
            f"{settings.where}: split.{name}: {count} images are asked for, there are {images}; give fewer"
        )
    return count


def check_folds(units: int, settings: SplitSettings) -> None:
    """Refuses more folds than there are units: single images, or groups that stay together.

    Raises:
        RequestError: there are fewer units than folds.
    """
    if units < settings.folds:
        raise RequestError(
            f"{settings.where}: split.folds: {settings.folds} folds, but only {units} images or groups "
            "that can be in different folds; give fewer folds"
        )


def check_predefined(table: SampleTable, settings: SplitSettings) -> None:
    """Checks that the method ``predefined`` fits the source.

    Raises:
        RequestError: the source gives no splits or others than train, validation and test, or a test split is frozen.
    """
    if not any(table.split.counts()):
        raise RequestError(
            f"{settings.where}: split.method: predefined, but the source gives no splits; "
            "use layout: split_directory or a column called split in source.attributes"
        )
    if settings.frozen is not None:
        raise RequestError(
            f"{settings.where}: split.test: a frozen test split contradicts split.method: predefined; "
            "use method: stratified, or leave the test split to the source"
        )
    unknown = [name for name in table.split.counts() if name not in {*NAMES, ""}]
    if unknown:
        raise RequestError(
            f"{settings.where}: split.method: predefined, but {unknown[0]!r} is no split; "
            "use train, validation and test"
        )
