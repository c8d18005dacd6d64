import json
import pickle

import numpy as np
import pytest

from imgprep.errors import RequestError
from imgprep.transforms.moments import Moments
from imgprep.transforms.normalize import EPSILON, FITTED, KINDS, fit_normalizer

DTYPES = [np.uint8, np.uint16]


def batch(dtype, channels=3, count=9):
    rng = np.random.default_rng(5)
    images = rng.integers(0, np.iinfo(dtype).max, (count, 6, 8, channels), dtype=dtype, endpoint=True)
    images[1] = 7
    images[2] = 0
    images[3, 0, 0, 0] = 200
    return images


def reference(kind, images):
    x = images.astype(np.float64)
    top = np.iinfo(images.dtype).max
    if kind == "minmax":
        low, high = x.min((1, 2, 3), keepdims=True), x.max((1, 2, 3), keepdims=True)
        return (x - low) / np.where(high > low, high - low, 1)
    if kind == "percentile":
        low, high = np.percentile(x, (5, 95), axis=(1, 2, 3), keepdims=True)
        return (x - low) / np.where(high > low, high - low, 1)
    return {
        "none": lambda: x,
        "unit": lambda: x / top,
        "symmetric": lambda: x / (top / 2) - 1,
        "standardize-global": lambda: (x - x.mean()) / (x.std() + 1e-7),
        "standardize-channel": lambda: (x - x.mean((0, 1, 2))) / (x.std((0, 1, 2)) + 1e-7),
        "standardize-pixel": lambda: (x - x.mean(0)) / (x.std() + 1e-7),
        "standardize-position": lambda: (x - x.mean(0)) / (x.std(0) + 1e-7),
        "center-global": lambda: x - x.mean(),
        "center-channel": lambda: x - x.mean((0, 1, 2)),
        "center-pixel": lambda: x - x.mean(0),
        "samplewise": lambda: (x - x.mean((1, 2, 3), keepdims=True)) / (x.std((1, 2, 3), keepdims=True) + 1e-7),
        "center-samplewise": lambda: x - x.mean((1, 2, 3), keepdims=True),
        "keras-tf": lambda: x / (top / 2) - 1,
        "keras-caffe": lambda: (x * (255 / top))[..., ::-1] - [103.939, 116.779, 123.68],
        "torch-imagenet": lambda: (x / top - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225],
    }[kind]()


def normalizer(kind, images):
    return fit_normalizer(kind, Moments.of(images, per_pixel=True), images.dtype.itemsize * 8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_kind_equals_its_formula(kind, dtype):
    images = batch(dtype)
    for out in (np.float32, np.float64):
        result = normalizer(kind, images)(images, out)
        assert result.dtype == out
        assert result.shape == images.shape
        assert result.flags.c_contiguous
        np.testing.assert_allclose(result, reference(kind, images), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in {"keras-caffe", "torch-imagenet"}])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_kind_takes_grey_images(kind, dtype):
    images = batch(dtype, channels=1)
    result = normalizer(kind, images)(images, np.float32)
    assert result.shape == images.shape
    np.testing.assert_allclose(result, reference(kind, images), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_is_rounded_once_and_finite(kind):
    images = batch(np.uint8)
    result = normalizer(kind, images)(images, np.float16)
    exact = normalizer(kind, images)(images, np.float64)
    np.testing.assert_array_equal(result, exact.astype(np.float16))
    sixteen = np.zeros((1, 30, 30, 3), np.uint16)
    sixteen[0, :5] = 1
    sixteen[0, 0, 0] = 65535
    if kind != "none":
        assert np.isfinite(normalizer(kind, sixteen)(sixteen, np.float16)).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("level", [0, 200])
def test_constant_images_stay_finite(kind, dtype, level):
    images = np.full((3, 4, 5, 3), level, dtype)
    result = normalizer(kind, images)(images, np.float32)
    assert np.isfinite(result).all()
    if kind in {"minmax", "percentile", "samplewise"} or kind.startswith(("standardize", "center")):
        assert np.abs(result).max() < 1e-3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_batch_size_changes_no_bit(kind, dtype):
    images = batch(dtype)
    normalize = pickle.loads(pickle.dumps(normalizer(kind, images)))
    whole = normalize(images, np.float32)
    single = np.concatenate([normalize(image[None], np.float32) for image in images])
    assert whole.tobytes() == single.tobytes()
    assert normalize(images[:0], np.float32).shape == (0, 6, 8, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_statistics_are_json_and_name_the_formula(kind):
    images = batch(np.uint8)
    facts = json.loads(json.dumps(normalizer(kind, images).statistics()))
    assert facts["kind"] == kind
    assert "x" in facts["formula"]
    assert ("mean" in facts) == (kind in FITTED or kind in {"keras-caffe", "torch-imagenet"})
    if kind == "standardize-position":
        np.testing.assert_allclose(facts["mean"], images.mean(0))
        np.testing.assert_allclose(facts["std"], images.std(0))
    if kind.startswith("center"):
        assert "std" not in facts
        assert "epsilon" not in facts
    if kind == "standardize-channel":
        assert facts["epsilon"] == EPSILON
        assert facts["mean"] == pytest.approx(images.mean((0, 1, 2)).tolist())
        assert facts["std"] == pytest.approx(images.std((0, 1, 2)).tolist())


def test_the_image_whose_percentiles_coincide_is_stretched_by_its_extremes():
    image = np.zeros((1, 10, 10, 1), np.uint8)
    image[0, 0, 0] = 250
    result = fit_normalizer("percentile", None, 8)(image, np.float32)
    assert result.max() == 1


def test_no_normalization_keeps_integers():
    images = batch(np.uint8)
    same = fit_normalizer("none", None, 8)
    np.testing.assert_array_equal(same(images, np.uint8), images)
    np.testing.assert_array_equal(same(images, np.uint16), images)


def test_what_cannot_be_given_is_refused():
    images = batch(np.uint16)
    with pytest.raises(RequestError, match="use float32"):
        fit_normalizer("unit", None, 16)(images, np.uint16)
    for dtype in (np.uint8, np.float16):
        with pytest.raises(RequestError, match="16-bit"):
            fit_normalizer("none", None, 16)(images, dtype)
    for kind in ("keras-caffe", "torch-imagenet"):
        with pytest.raises(RequestError, match="three channels"):
            fit_normalizer(kind, None, 16)(images[..., :1], np.float32)
    for moments in (None, Moments.empty((2, 2, 1))):
        with pytest.raises(RequestError, match="training images"):
            fit_normalizer("standardize-global", moments, 8)


def test_color_order_is_told():
    assert fit_normalizer("keras-caffe", None, 8).color_order == "BGR"
    assert fit_normalizer("unit", None, 8).color_order == ""


@pytest.mark.parametrize("kind", ["standardize-position", "center-pixel", "samplewise"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_float16_stays_finite(kind, dtype):
    images = batch(dtype)
    images[:, 0, 0] = 9  # never varies, so that epsilon alone divides what another image has there
    normalize = normalizer(kind, images)
    images[0, 0, 0] = np.iinfo(dtype).max
    assert np.isfinite(normalize(images, np.float16)).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_blocks_give_the_bits_of_the_batch_and_leave_other_memory_alone(kind, dtype, channels):
    images = batch(dtype)[..., :channels]
    if channels == 1 and kind in {"keras-caffe", "torch-imagenet"}:
        pytest.skip("needs three channels")
    normalize = normalizer(kind, images)
    room = np.full((len(images) + 2, *images.shape[1:]), 77, np.float32)
    for start in range(0, len(images), 2):
        normalize.into(images[start : start + 2], room[1:-1][start : start + 2])
    assert room[1:-1].tobytes() == normalize(images, np.float32).tobytes()
    assert (room[[0, -1]] == 77).all()
