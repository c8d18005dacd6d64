"""The contract of the family, over every entry of its tables."""

import dataclasses
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest

from imgprep.settings.binding import bind
from imgprep.settings.problems import SpecError
from imgprep.settings.tables import Context
from imgprep.testing.transforms import (
    IMAGES,
    check_mask,
    check_settings,
    check_step,
    check_transform,
    check_transform_of_two,
)
from imgprep.transforms import STEPS, STRESS, TRANSFORMS
from imgprep.transforms.base import name_in_spec
from imgprep.transforms.geometric import Flip, Rotate
from imgprep.transforms.intensity import Invert
from imgprep.util.rng import rng

ARGUMENTS = {
    "center_crop": {"size": (9, 8)},
    "pad": {"size": (30, 40)},
    "gaussian_noise": {"sigma": (5.0, 20.0)},
    "brightness": {"alpha": (0.5, 1.5), "beta": (-20.0, 20.0)},
    "one_of": {"of": (Flip(), Invert())},
    "some_of": {"n": 1, "of": (Flip(), Invert())},
    "grid": {"of": (Rotate(),), "axes": ({"clip": (True, False)},)},
    "keras": {"rotation_range": 20.0, "zoom_range": 0.2, "horizontal_flip": True, "channel_shift_range": 10.0},
    "repeat": {"factor": 2},
}
RANDOM = {**TRANSFORMS, **STRESS}
ALONE = [name for name, model in RANDOM.items() if not model.needs_donor]


def example(name, table):
    return table[name](**ARGUMENTS.get(name, {}))


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("name", STEPS)
def test_every_step_keeps_the_contract(name, kind):
    step = example(name, STEPS)
    assert step.name == name
    check_step(step, IMAGES[kind])


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("name", STEPS)
def test_every_step_takes_constant_and_tiny_images(name, kind):
    for shape in ((1, 1), (9, 8)):
        image = np.full((*shape, IMAGES[kind].shape[2]), 7, IMAGES[kind].dtype)
        if name == "center_crop" and shape == (1, 1):
            continue
        assert example(name, STEPS)(image).dtype == image.dtype


@pytest.mark.parametrize("name", STEPS)
def test_every_step_moves_a_mask_as_its_image(name):
    step = example(name, STEPS)
    check_mask(step)
    mask = np.zeros((21, 26, 1), np.uint8)
    mask[5:12, 8:20] = 255
    assert set(np.unique(step.on_mask(mask))) == {0, 255}
    if step.output_shape(mask.shape) != mask.shape:
        np.testing.assert_array_equal(step.on_mask(mask), step(mask), "black and white go where the pixels go")


def test_what_a_step_brings_in_is_no_object():
    mask = np.full((4, 4, 1), 255, np.uint8)
    assert STEPS["pad"](size=(6, 6), value=200).on_mask(mask).sum() == mask.sum()
    assert STEPS["repeat"](factor=1, channels=3).on_mask(mask) is mask


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("name", ALONE)
def test_every_transform_keeps_the_contract(name, kind):
    transform = example(name, RANDOM)
    assert transform.name == name
    check_transform(transform, IMAGES[kind])


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("name", [name for name in RANDOM if name not in ALONE])
def test_every_transform_of_two_images_keeps_the_contract(name, kind):
    check_transform_of_two(example(name, RANDOM), IMAGES[kind])


@pytest.mark.parametrize("name", ALONE)
def test_every_transform_takes_tiny_images_and_says_never(name):
    image = np.full((1, 1, 3), 9, np.uint8)
    transform = example(name, RANDOM)
    assert transform(image, rng(1, "a")).shape == (1, 1, 3)
    assert dataclasses.replace(transform, probability=0.0)(image, rng(1, "a")) is image
    assert pickle.loads(pickle.dumps(transform)) == transform


@pytest.mark.parametrize("name", [*STEPS, *RANDOM])
def test_every_model_is_frozen_documented_and_described(name):
    table = RANDOM if name in RANDOM else STEPS
    check_settings(table[name])
    assert not hasattr(example(name, table), "__dict__")


@pytest.mark.parametrize("name", [name for name in [*STEPS, *RANDOM] if name not in {"one_of", "some_of", "grid"}])
def test_every_model_is_read_strictly(name):
    table = RANDOM if name in RANDOM else STEPS
    arguments = json.loads(json.dumps(ARGUMENTS.get(name, {})))
    assert bind(table[name], arguments, Context()) == example(name, table)
    with pytest.raises(SpecError, match="unknown key 'no_such_parameter'"):
        bind(table[name], {**arguments, "no_such_parameter": 1}, Context())


def test_ranges_the_wrong_way_round_are_refused():
    with pytest.raises(SpecError, match=r"degrees: expected \[low, high\], got \[5, -5\]"):
        bind(Rotate, {"degrees": [5, -5]}, Context())
    with pytest.raises(SpecError, match="degrees: expected two numbers"):
        bind(Rotate, {"degrees": [0, float("inf")]}, Context())


def test_policies_take_transforms_that_were_read_before_them():
    for name in ("one_of", "some_of", "grid"):
        assert bind(TRANSFORMS[name], ARGUMENTS[name], Context()) == example(name, TRANSFORMS)
        assert TRANSFORMS[name].nested == ("of",)
        with pytest.raises(SpecError, match="of: expected a list of transforms"):
            bind(TRANSFORMS[name], {**ARGUMENTS[name], "of": ()}, Context())
    wrong = {**ARGUMENTS["grid"], "axes": [{"degree": [1]}]}
    with pytest.raises(SpecError, match="did you mean degrees"):
        bind(TRANSFORMS["grid"], wrong, Context())


@pytest.mark.parametrize("name", [*STEPS, *RANDOM])
def test_an_object_made_in_a_program_is_that_of_the_spec(name):
    """A list is a tuple in both, so that an object can be hashed and compared."""
    table = RANDOM if name in RANDOM else STEPS
    arguments = {key: list(value) if type(value) is tuple else value for key, value in ARGUMENTS.get(name, {}).items()}
    made = table[name](**arguments)
    assert made == bind(table[name], arguments, Context()) == example(name, table)


def test_a_step_is_called_as_its_class():
    assert list(STEPS)[:3] == ["contrast_stretch", "equalize", "clahe"]
    assert [name_in_spec(name) for name in ("WhiteTophat", "InvertStep", "Rot90")] == [
        "white_tophat",
        "invert",
        "rot90",
    ]


def test_a_class_may_have_another_name():
    class Own(type(Invert())):
        name = "negative"

    assert Own().name == "negative"


def test_the_family_needs_no_pydantic():
    code = "import sys, imgprep.transforms, imgprep.transforms.normalize; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
