import pytest

from imgprep.transforms.geometric import Affine, Flip, Rotate, Shift
from imgprep.transforms.intensity import Brightness, Gamma
from imgprep.transforms.keras import Keras
from imgprep.transforms.limits import limit_problems, undone_by_normalization
from imgprep.transforms.policies import Grid, OneOf, SomeOf


@pytest.mark.parametrize(
    "transform",
    [
        Rotate(degrees=(-30, 30)),
        Rotate(degrees=(-15, 15), use="dead-on"),
        Rotate(degrees=(-180, 180), use="small-objects"),
        Rotate(degrees=(-10, 10), clip=True),
        Rotate(degrees=(-90, 90), beyond_limits=True),
        Shift(x=(-0.2, 0.2)),
        Shift(x=(0, 0.5), beyond_limits=True),
        Affine(degrees=(-30, 30), x=(-0.2, 0)),
        Keras(rotation_range=30, width_shift_range=0.2, height_shift_range=(0.1, 0.2)),
        Keras(width_shift_range=5),
        Flip(),
        OneOf(of=(Flip(), Rotate(degrees=(0, 90), beyond_limits=True))),
    ],
)
def test_within_the_limits(transform):
    assert limit_problems(transform) == []


@pytest.mark.parametrize(
    ("transform", "problem"),
    [
        (
            Rotate(degrees=(-20, 20), use="dead-on"),
            "rotate.degrees: [-20, 20] is over the limit of -15..15 for dead-on",
        ),
        (Rotate(degrees=(-20, 20), use="dead-on"), "set use: incline, or beyond_limits: true"),
        (Rotate(degrees=(0, 45)), "set use: small-objects, or beyond_limits: true"),
        (Rotate(degrees=(0, 270), use="small-objects"), "set beyond_limits: true"),
        (Shift(x=(-0.3, 0)), "shift.x: [-0.3, 0] is over the limit 0.2"),
        (Affine(degrees=(-31, 0)), "affine.degrees"),
        (Affine(y=(0, 0.21)), "affine.y"),
        (Keras(rotation_range=60), "keras.rotation_range: [-60, 60]"),
        (Keras(height_shift_range=0.3), "keras.height_shift_range"),
        (Keras(width_shift_range=(0.1, 0.6)), "keras.width_shift_range: [-0.6, 0.6]"),
        (SomeOf(n=1, of=(OneOf(of=(Rotate(degrees=(0, 45)),)),)), "rotate.degrees"),
        (Grid(of=(Keras(),), axes=({"rotation_range": [10, 60]},)), "keras.rotation_range: [-60, 60]"),
    ],
)
def test_over_the_limits(transform, problem):
    problems = limit_problems(transform)
    assert len(problems) == 1
    assert problem in problems[0]


def test_a_grid_goes_beyond_when_its_transform_may():
    assert limit_problems(Grid(of=(Keras(beyond_limits=True),), axes=({"rotation_range": [10, 60]},))) == []
    assert limit_problems(Grid(of=(Keras(),), axes=({"rotation_range": [60]},), beyond_limits=True)) == []


@pytest.mark.parametrize("kind", ["minmax", "percentile", "samplewise"])
def test_a_brightness_that_is_undone_is_told(kind):
    brighter = Brightness(beta=(10, 20))
    (problem,) = undone_by_normalization(OneOf(of=(brighter, brighter, Flip())), kind)
    assert problem.startswith(f"brightness: normalize: {kind} undoes it")
    assert undone_by_normalization(Keras(brightness_range=(0.5, 2.0)), kind)
    for harmless in (Brightness(), Gamma(), Keras(), Flip()):
        assert undone_by_normalization(harmless, kind) == []


def test_other_normalizations_keep_the_brightness():
    for kind in ("unit", "standardize-global", "none"):
        assert undone_by_normalization(Brightness(beta=(10, 20)), kind) == []


def test_centring_each_image_takes_back_an_offset_and_no_factor():
    assert undone_by_normalization(Brightness(beta=(10, 20)), "center-samplewise")
    assert undone_by_normalization(Brightness(alpha=(0.5, 2)), "center-samplewise") == []
    assert undone_by_normalization(Keras(brightness_range=(0.5, 2.0)), "center-samplewise") == []
