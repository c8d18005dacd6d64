"""The contract of the family, over every entry of its tables."""

import dataclasses
import json
import pickle
import subprocess
import sys

import numpy as np
import pydantic
import pytest

from imgprep.rng import rng
from imgprep.transforms import STEPS, STRESS, TRANSFORMS
from imgprep.transforms.base import Company
from imgprep.transforms.compose import Chain
from imgprep.transforms.geometric import Flip, Rotate
from imgprep.transforms.intensity import Invert

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
IMAGES = {
    f"{dtype.__name__}-{channels}": np.random.default_rng(0).integers(
        0, np.iinfo(dtype).max, (21, 26, channels), dtype=dtype, endpoint=True
    )
    for dtype in (np.uint8, np.uint16)
    for channels in (1, 3)
}
RANDOM = {**TRANSFORMS, **STRESS}
ALONE = [name for name, model in RANDOM.items() if not model.accompanied]


def example(name, table):
    return table[name](**ARGUMENTS.get(name, {}))


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("name", STEPS)
def test_every_step_keeps_the_contract(name, kind):
    image = IMAGES[kind]
    before = image.copy()
    step = example(name, STEPS)
    result = step(image, rng(1, "a"))
    assert step.name == name
    assert result.shape == step.output_shape(image.shape)
    assert result.dtype == image.dtype
    assert result.flags.c_contiguous
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(step(image), result)
    assert pickle.loads(pickle.dumps(step)) == step


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
    mask = np.zeros((21, 26, 1), np.uint8)
    mask[5:12, 8:20] = 255
    step = example(name, STEPS)
    moved = step.on_mask(mask)
    assert moved.shape == (*step.output_shape(mask.shape)[:2], 1)
    assert set(np.unique(moved)) == {0, 255}
    if step.output_shape(mask.shape) != mask.shape:
        np.testing.assert_array_equal(moved, step(mask), "black and white go where the pixels of an image go")


def test_what_a_step_brings_in_is_no_object():
    mask = np.full((4, 4, 1), 255, np.uint8)
    assert STEPS["pad"](size=(6, 6), value=200).on_mask(mask).sum() == mask.sum()
    assert STEPS["repeat"](factor=1, channels=3).on_mask(mask) is mask


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("name", ALONE)
def test_every_transform_keeps_the_contract(name, kind):
    image = IMAGES[kind]
    before = image.copy()
    transform = example(name, RANDOM)
    assert transform.name == name
    for copy in range(4):
        result = transform(image, rng(1, "a", copy))
        assert result.shape == image.shape
        assert result.dtype == image.dtype
        assert result.flags.c_contiguous
        np.testing.assert_array_equal(image, before)
        np.testing.assert_array_equal(transform(image, rng(1, "a", copy)), result)
        chain = Chain((transform,))
        records = json.loads(json.dumps(chain.draw(rng(1, "a", copy), image.shape)))
        np.testing.assert_array_equal(chain.apply(image, records), result)
        json.dumps(chain.explain(records, image.shape))


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("name", [name for name in RANDOM if name not in ALONE])
def test_every_transform_in_company_keeps_the_contract(name, kind):
    image = IMAGES[kind]
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[3:9, 4:20] = 200
    company = Company(mask, image[::-1], mask[::-1])
    before = [array.copy() for array in (image, *company)]
    chain = Chain((example(name, RANDOM),))
    records = json.loads(json.dumps(chain.draw(rng(1, "a"), image.shape)))
    result = chain.apply(image, records, company)
    assert (result.shape, result.dtype, result.flags.c_contiguous) == (image.shape, image.dtype, True)
    for array, was in zip((image, *company), before, strict=True):
        np.testing.assert_array_equal(array, was)
    np.testing.assert_array_equal(chain.apply(image, records, company), result)
    json.dumps(chain.explain(records, image.shape))


@pytest.mark.parametrize("name", ALONE)
def test_every_transform_takes_tiny_images_and_says_never(name):
    image = np.full((1, 1, 3), 9, np.uint8)
    transform = example(name, RANDOM)
    assert transform(image, rng(1, "a")).shape == (1, 1, 3)
    assert dataclasses.replace(transform, probability=0.0)(image, rng(1, "a")) is image
    assert pickle.loads(pickle.dumps(transform)) == transform


@pytest.mark.parametrize("name", [*STEPS, *RANDOM])
def test_every_model_is_frozen_documented_and_described(name):
    model = RANDOM[name] if name in RANDOM else STEPS[name]
    assert model.__doc__
    assert dataclasses.is_dataclass(model)
    assert model.__dataclass_params__.frozen
    assert not hasattr(example(name, RANDOM if name in RANDOM else STEPS), "__dict__")
    common = {"probability", "beyond_limits"}
    for field in dataclasses.fields(model):
        if field.init and field.name not in common and name not in STRESS:
            assert f"{field.name}:" in model.__doc__, field.name


@pytest.mark.parametrize("name", [name for name in [*STEPS, *RANDOM] if name not in {"one_of", "some_of", "grid"}])
def test_every_model_is_read_strictly_by_pydantic(name):
    table = RANDOM if name in RANDOM else STEPS
    adapter = pydantic.TypeAdapter(table[name])
    arguments = json.loads(json.dumps(ARGUMENTS.get(name, {})))
    assert adapter.validate_python(arguments) == example(name, table)
    with pytest.raises(pydantic.ValidationError, match="unexpected"):
        adapter.validate_python({**arguments, "no_such_parameter": 1})
    assert adapter.json_schema()["additionalProperties"] is False


def test_ranges_the_wrong_way_round_are_a_validation_error():
    with pytest.raises(pydantic.ValidationError, match=r"expected \[low, high\]"):
        pydantic.TypeAdapter(Rotate).validate_python({"degrees": [5, -5]})
    with pytest.raises(pydantic.ValidationError):
        pydantic.TypeAdapter(Rotate).validate_python({"degrees": [0, float("inf")]})


def test_policies_take_transforms_that_were_read_before_them():
    for name in ("one_of", "some_of", "grid"):
        adapter = pydantic.TypeAdapter(TRANSFORMS[name])
        assert adapter.validate_python(ARGUMENTS[name]) == example(name, TRANSFORMS)
        assert TRANSFORMS[name].nested == ("of",)
        with pytest.raises(pydantic.ValidationError):
            adapter.validate_python({**ARGUMENTS[name], "of": ()})
    wrong = {**ARGUMENTS["grid"], "axes": [{"degree": [1]}]}
    with pytest.raises(pydantic.ValidationError, match="did you mean degrees"):
        pydantic.TypeAdapter(TRANSFORMS["grid"]).validate_python(wrong)


def test_the_family_needs_no_pydantic():
    code = "import sys, imgprep.transforms, imgprep.transforms.normalize; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
