"""The check that a collection can satisfy the split settings of the spec."""

import numpy as np

from imgprep.errors import RequestError
from imgprep.similarity.groups import group_codes
from imgprep.stages.split.allocate import NAMES, TEST, VALIDATION, auto_fraction, round_half_up
from imgprep.stages.split.settings import Size, SplitRequest
from imgprep.table.sample import SampleTable


def check_settings(table: SampleTable, request: SplitRequest) -> None:
    """Refuses settings that the collection cannot satisfy even if every image is usable, before anything is made.

    Raises:
        RequestError: the collection lacks the splits or groups that the settings need, or has fewer images than they
            ask for.
    """
    groups = group_codes(request.grouping.column(table))
    usable = table.ok()
    if request.method == "predefined":
        check_predefined(table, request)
        counts = table.split[np.flatnonzero(usable)].counts()
        if not counts.get(NAMES[VALIDATION]):
            rest = sum(counts.values()) - counts.get(NAMES[TEST], 0)
            wanted_images(request.validation, rest, "validation", request)
    elif request.method == "kfold":
        grouped = usable & (groups >= 0)
        check_folds(int((usable & ~grouped).sum()) + len(np.unique(groups[grouped])), request)
    elif request.method != "hash":
        images = part_of(int(usable.sum()), request.settings.fraction)
        test_images = 0 if request.frozen is not None else wanted_images(request.test, images, "test", request)
        wanted_images(request.validation, images - test_images, "validation", request)


def part_of(images: int, share: float) -> int:
    """The number of images in a fraction of `images`."""
    return round_half_up(images * share)


def wanted_images(size: Size | None, images: int, name: str, request: SplitRequest) -> int:
    """The number of images for a split, given the number available.

    Raises:
        RequestError: more than are available.
    """
    if size is None:
        size = auto_fraction(images)
    count = part_of(images, size) if isinstance(size, float) else size
    if count > images:
        raise RequestError(
            f"{request.where}: split.{name}: {count} images are asked for, there are {images}; give fewer"
        )
    return count


def check_folds(units: int, request: SplitRequest) -> None:
    """Refuses more folds than there are units: single images, or groups that stay together.

    Raises:
        RequestError: there are fewer units than folds.
    """
    if units < request.settings.folds:
        raise RequestError(
            f"{request.where}: split.folds: {request.settings.folds} folds, but only {units} images or groups "
            "that can be in different folds; give fewer folds"
        )


def check_predefined(table: SampleTable, request: SplitRequest) -> None:
    """Checks that the method ``predefined`` fits the source.

    Raises:
        RequestError: the source gives no splits or others than train, validation and test, or a test split is frozen.
    """
    if not any(table.split.counts()):
        raise RequestError(
            f"{request.where}: split.method: predefined, but the source gives no splits; "
            "use layout: split_directory or a column called split in source.attributes"
        )
    if request.frozen is not None:
        raise RequestError(
            f"{request.where}: split.test: a frozen test split contradicts split.method: predefined; "
            "use method: stratified, or leave the test split to the source"
        )
    unknown = [name for name in table.split.counts() if name not in {*NAMES, ""}]
    if unknown:
        raise RequestError(
            f"{request.where}: split.method: predefined, but {unknown[0]!r} is no split; use train, validation and test"
        )
