import json

import numpy as np
import pytest

from imgprep.transforms.moments import Moments
from imgprep.transforms.normalize import KINDS, fit_normalizer
from imgprep.transforms.stored_normalizer import stored_normalizer

IMAGES = np.random.default_rng(6).integers(0, 256, (9, 4, 5, 3), np.uint8)
SHAPE = (4, 5, 3)


def facts_of(kind, images=IMAGES):
    made = fit_normalizer(kind, Moments.of(images, per_pixel=True), 8 * images.itemsize)
    return made, json.loads(json.dumps(made.statistics()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("depth", [8, 16])
def test_what_was_stored_gives_the_same_bits(kind, dtype, depth):
    images = IMAGES if depth == 8 else IMAGES.astype(np.uint16) * 257 - (IMAGES > 7)
    made, facts = facts_of(kind, images)
    if kind == "none" and depth == 16 and dtype == np.float16:
        pytest.skip("does not fit")
    stored = stored_normalizer(facts, SHAPE)
    assert stored.depth == depth
    assert stored(images, dtype).tobytes() == made(images, dtype).tobytes()


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("unit", {"kind": "whiten"}, "unknown kind 'whiten'"),
        ("unit", {"kind": None}, "unknown kind None"),
        ("unit", {"max": 1023}, "max is 1023"),
        ("unit", {"max": []}, "max is"),
        ("unit", {"gamma": 2.2}, "gamma is unknown here"),
        ("standardize-global", {"epsilon": 1e-3}, "epsilon is 0.001, not 1e-07"),
        ("percentile", {"percentiles": [1.0, 99.0]}, "percentiles is"),
        ("standardize-channel", {"mean": [1.0]}, "mean does not fit images of 4x5x3"),
        ("standardize-channel", {"std": 2.0}, "std does not fit"),
        ("standardize-position", {"std": 2.0}, "std does not fit"),
        ("standardize-pixel", {"std": [1.0, 2.0, 3.0]}, "std does not fit"),
        ("center-pixel", {"mean": 5.0}, "mean does not fit"),
        ("center-global", {"mean": ["a"]}, "mean is no array of numbers"),
        ("center-global", {"mean": [[1], [1, 2]]}, "mean is no array of numbers"),
    ],
)
def test_what_does_not_fit_is_refused(kind, change, message):
    _, facts = facts_of(kind)
    with pytest.raises(ValueError, match=message):
        stored_normalizer(facts | change, SHAPE)


@pytest.mark.parametrize(("kind", "lost"), [("center-global", "mean"), ("standardize-global", "std")])
def test_missing_statistics_are_refused(kind, lost):
    _, facts = facts_of(kind)
    del facts[lost]
    with pytest.raises(ValueError, match=f"{lost} does not fit"):
        stored_normalizer(facts, SHAPE)
