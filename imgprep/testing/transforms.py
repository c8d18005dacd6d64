"""The contracts of image steps and random transforms."""

import dataclasses
import json
import pickle
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgprep.transforms.base import DonorImages, Image, Step, Transform
from imgprep.transforms.compose import Chain
from imgprep.util.rng import rng

SIDES: Final = (21, 26)


def _images() -> dict[str, Image]:
    made: dict[str, Image] = {}
    for channels in (1, 3):
        levels = np.random.default_rng(0).integers(0, 1 << 16, (*SIDES, channels))
        made[f"uint8-{channels}"] = levels.astype(np.uint8)
        made[f"uint16-{channels}"] = levels.astype(np.uint16)
    return made


IMAGES: Final[Mapping[str, Image]] = MappingProxyType(_images())
"""Noise of 21 x 26 pixels by dtype and number of channels: every kind that a step or transform must take."""


def check_step(step: Step, image: Image) -> None:
    """Holds an image step to its contract.

    The image stays as it was; the result has the announced shape and the same dtype, is contiguous, is the same each
    time, and the step survives pickling.

    Args:
        step: with its parameters.
        image: (H, W, 1) or (H, W, 3), uint8 or uint16, such as one of `IMAGES`.

    Raises:
        AssertionError: it breaks the contract.
    """
    before = image.copy()
    result = step(image)
    assert result.shape == step.output_shape(_shape(image)), "the shape is not the one that output_shape announces"
    _check_result(result, image, before)
    np.testing.assert_array_equal(step(image), result, "the same image gave another result")
    _check_pickling(step)


def check_mask(step: Step) -> None:
    """Holds what a step does to masks to its contract: the shape follows the image, and no grey appears.

    Raises:
        AssertionError: it breaks the contract.
    """
    mask = np.zeros((*SIDES, 1), np.uint8)
    mask[5:12, 8:20] = 255
    moved = step.on_mask(mask)
    shape = step.output_shape(_shape(mask))
    assert moved.shape == (*shape[:2], 1), "the mask has another size than the image"
    assert set(np.unique(moved)) <= {0, 255}, "the mask has values between object and background"


def check_transform(transform: Transform, image: Image, copies: int = 4) -> None:
    """Holds a random transform to its contract.

    Shape and dtype stay; the image stays as it was; the same random numbers give the same pixels; what was drawn goes
    through JSON and back and gives the same pixels again; probability 0 leaves the image alone.

    Args:
        transform: with its parameters; one that works on a single image.
        image: (H, W, 1) or (H, W, 3), uint8 or uint16.
        copies: how many draws are tried.

    Raises:
        AssertionError: it breaks the contract.
    """
    before = image.copy()
    chain = Chain((transform,))
    for copy in range(copies):
        result = transform(image, rng(1, "a", copy))
        assert result.shape == image.shape, "the shape changed"
        _check_result(result, image, before)
        np.testing.assert_array_equal(transform(image, rng(1, "a", copy)), result, "the same draw gave another result")
        records = json.loads(json.dumps(chain.draw(rng(1, "a", copy), _shape(image))))
        np.testing.assert_array_equal(chain.apply(image, records), result, "the written draw gave another result")
        json.dumps(chain.explain(records, _shape(image)))
    assert dataclasses.replace(transform, probability=0.0)(image, rng(1, "a")) is image
    _check_pickling(transform)


def check_transform_of_two(transform: Transform, image: Image) -> None:
    """Holds a transform of two images and their masks to the contract of `check_transform`.

    Raises:
        AssertionError: it breaks the contract.
    """
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[3:9, 4:20] = 200
    donor_images = DonorImages(mask, image[::-1], mask[::-1])
    before = [array.copy() for array in (image, *donor_images)]
    chain = Chain((transform,))
    records = json.loads(json.dumps(chain.draw(rng(1, "a"), _shape(image))))
    result = chain.apply(image, records, donor_images)
    assert result.shape == image.shape, "the shape changed"
    _check_result(result, image, before[0])
    for array, was in zip(donor_images, before[1:], strict=True):
        np.testing.assert_array_equal(array, was, "an input was changed")
    np.testing.assert_array_equal(
        chain.apply(image, records, donor_images), result, "the same draw gave another result"
    )
    json.dumps(chain.explain(records, _shape(image)))


def check_settings(model: type[Any]) -> None:
    """Holds the class of a step or transform to its contract: a frozen, slotted dataclass with documented fields.

    Args:
        model: the class; it or a base of it documents each field.

    Raises:
        AssertionError: it breaks the contract.
    """
    assert dataclasses.is_dataclass(model), "no dataclass"
    assert model.__dataclass_params__.frozen, "not frozen"  # type: ignore[attr-defined]
    assert model.__doc__, "no docstring"
    documented = "".join(base.__doc__ or "" for base in model.__mro__ if dataclasses.is_dataclass(base))
    for field in dataclasses.fields(model):
        if field.init:
            assert f"{field.name}:" in documented, f"the docstring does not describe {field.name}"


def _check_result(result: NDArray[Any], image: NDArray[Any], before: NDArray[Any]) -> None:
    assert result.dtype == image.dtype, "the dtype changed"
    assert result.flags.c_contiguous, "the result is not contiguous"
    np.testing.assert_array_equal(image, before, "the input was changed")


def _check_pickling(model: object) -> None:
    assert pickle.loads(pickle.dumps(model)) == model, "pickling gives another object"


def _shape(image: NDArray[Any]) -> tuple[int, int, int]:
    height, width, channels = image.shape
    return height, width, channels
