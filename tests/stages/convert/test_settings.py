import dataclasses
import json
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import hypothesis
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from imgprep.decoding.format_header import DecodeOptions
from imgprep.decoding.reduction import KeepingTwice
from imgprep.settings.binding import required
from imgprep.stages.convert.settings import ConvertSettings
from imgprep.transforms import STEPS
from imgprep.transforms.base import Ordered
from tests.support.sections import section


def test_images_are_decoded_as_the_settings_say() -> None:
    assert section(ConvertSettings).decode_options() == DecodeOptions()
    asked = section(ConvertSettings, alpha="ignore", max_pixels=5, color_profile="srgb").decode_options()
    assert asked == DecodeOptions(background=None, max_pixels=5, color_profile="srgb")


def test_plain_values_are_what_decides() -> None:
    """A setting that is newer than the first release is left out at its default, so that finished output stays so."""
    plain = {
        "channels": "rgb",
        "size": (4, 5),
        "fit": "stretch",
        "fill": "constant",
        "interpolation": "auto",
        "depth": 8,
        "steps": ["InvertStep()"],
        "alpha": (255, 255, 255),
        "storage": {"format": "hdf5", "compression": "none", "shard_size": 64 << 20},
    }
    assert section(ConvertSettings, size=[4, 5], steps=["invert"]).values() == plain
    newer = {"max_pixels": 5, "color_profile": "srgb", "decode": "fast"}
    assert section(ConvertSettings, size=[4, 5], steps=["invert"], **newer).values() == plain | newer


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"decode": "fast", "size": [4, 5]}, (4, 5)),
        ({"decode": "fast", "size": [4, 5], "depth": {"from": 12}}, (4, 5)),  # which leaves images of 8 bits alone
        ({"size": [4, 5]}, None),
        ({"decode": "fast"}, None),
        ({"decode": "fast", "size": [4, 5], "range": [0, 200]}, None),  # a reduced image hides a value beyond it
        ({"decode": "fast", "size": [4, 5], "depth": {"from": 4}}, None),
    ],
)
def test_a_decoder_may_reduce_to_twice_the_size(options: dict[str, Any], size: tuple[int, int] | None) -> None:
    assert section(ConvertSettings, **options).reduction() == (None if size is None else KeepingTwice(size))


LEVELS = st.integers(0, 255)
DEPTHS = st.sampled_from([8, 16, "keep"])
OPTIONS = {
    "channels": st.sampled_from(["rgb", "gray", "keep"]),
    "size": st.none() | st.tuples(st.integers(1, 65500), st.integers(1, 65500)),
    "fit": st.sampled_from(["stretch", "pad", "crop"]),
    "fill": st.sampled_from(["constant", "reflect", "edge"]),
    "interpolation": st.sampled_from(
        ["auto", "area", "linear", "cubic", "lanczos", "nearest", "pillow-bilinear", "pillow-bicubic", "pillow-lanczos"]
    ),
    "depth": DEPTHS | st.fixed_dictionaries({"from": st.integers(1, 16)}, optional={"to": DEPTHS}),
    "range": st.none() | st.tuples(st.floats(-1e9, 0), st.floats(0.5, 1e9)) | st.just((0, 4095)),
    "alpha": st.sampled_from(["white", "black", "ignore"]) | st.tuples(LEVELS, LEVELS, LEVELS),
    "color_profile": st.sampled_from(["ignore", "srgb"]),
    "decode": st.sampled_from(["exact", "fast"]),
    "max_pixels": st.integers(1, 2**60),
}


def of_type(hint: Any) -> st.SearchStrategy[Any]:
    """Values of the type of a step's option."""
    if get_origin(hint) is Annotated and any(isinstance(mark, Ordered) for mark in hint.__metadata__):
        return of_type(hint.__origin__).map(lambda pair: tuple(sorted(pair)))
    if get_origin(hint) is tuple:
        return st.tuples(*map(of_type, get_args(hint)))
    if get_origin(hint) is Union:
        return st.one_of(*map(of_type, get_args(hint)))
    return st.floats(-1e6, 1e6) if hint is float else st.from_type(hint)


def options_of(step: Any) -> st.SearchStrategy[Any]:
    """A step as a spec has it, with any of its options."""
    hints = get_type_hints(step, include_extras=True)
    given = {field.name: of_type(hints[field.name]) for field in dataclasses.fields(step) if field.init}
    needed = set(required(step))
    return st.fixed_dictionaries(
        {name: values for name, values in given.items() if name in needed},
        optional={name: values for name, values in given.items() if name not in needed},
    )


def read_back(settings: ConvertSettings) -> ConvertSettings:
    return section(ConvertSettings, **json.loads(json.dumps(settings.recorded())))


@given(st.data())
@hypothesis.settings(max_examples=150, deadline=None)
def test_what_is_recorded_reads_back_to_the_same_settings(data: st.DataObject) -> None:
    chosen = {name: data.draw(values, name) for name, values in OPTIONS.items()}
    assume(chosen["range"] is None or not isinstance(chosen["depth"], dict))
    made = section(ConvertSettings, **chosen)
    assert {*made.recorded()} == {*OPTIONS, "steps"}
    again = read_back(made)
    assert again == made
    assert again.decode_options() == made.decode_options()
    assert again.reduction() == made.reduction()


@pytest.mark.parametrize("name", STEPS)
@given(data=st.data())
@hypothesis.settings(max_examples=40, deadline=None)
def test_every_step_reads_back_with_all_its_options(name: str, data: st.DataObject) -> None:
    try:
        made = section(ConvertSettings, steps=[{name: data.draw(options_of(STEPS[name]))}])
    except ValidationError:
        assume(False)
    (step,), (again,) = made.steps, read_back(made).steps
    assert again == step
    assert type(again) is type(step)
    (recorded,) = made.recorded()["steps"]
    options = {} if isinstance(recorded, str) else recorded[name]
    assert set(options) == {field.name for field in dataclasses.fields(step) if field.init}


def test_the_storage_is_no_preprocessing() -> None:
    """Nor does a list of options that a later version adds to it slip through: each option is one or the other."""
    plain = section(ConvertSettings, format="npz", shard_size="1 MiB").recorded()
    assert plain == section(ConvertSettings).recorded()
    assert {*ConvertSettings.model_fields} == {*plain, "format", "shard_size", "compression"}
