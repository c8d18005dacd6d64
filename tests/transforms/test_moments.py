import gzip
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.transforms.moments import Moments


def batch(count, channels, dtype, seed=0):
    return np.random.default_rng(seed).integers(
        0, np.iinfo(dtype).max, (count, 5, 7, channels), dtype=dtype, endpoint=True
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_statistics_match_numpy(dtype, channels):
    images = batch(50, channels, dtype)
    moments = Moments.of(images, per_pixel=True)
    exact = images.astype(np.float64)
    assert moments.mean == pytest.approx(exact.mean(), rel=1e-12)
    assert moments.std == pytest.approx(exact.std(), rel=1e-12)
    assert moments.channel_mean == pytest.approx(exact.mean((0, 1, 2)), rel=1e-12)
    assert moments.channel_std == pytest.approx(exact.std((0, 1, 2)), rel=1e-12)
    np.testing.assert_allclose(moments.pixel_mean, exact.mean(0), rtol=1e-12)
    np.testing.assert_allclose(moments.pixel_std, exact.std(0), rtol=1e-12)


def test_the_deviation_of_a_position_is_exact_where_uint64_would_overflow():
    images = np.full((50_000, 1, 2, 1), 65535, np.uint16)
    images[0, 0, 1] = 65534
    count = len(images)
    moments = Moments.of(images, per_pixel=True).plus(Moments.of(images, per_pixel=True))
    assert moments.images * int(moments.pixel_squares.max()) > 2**64
    assert moments.pixel_std[0, 0, 0] == 0
    assert moments.pixel_std[0, 1, 0] == pytest.approx(np.sqrt(2 * (2 * count - 2)) / (2 * count), rel=1e-12)


def test_sums_stay_exact_where_float64_arithmetic_would_not():
    images = np.full((20, 256, 256, 1), 65535, np.uint16)
    images[0, 0, 0] = 65534
    moments = Moments.of(images)
    count = images.size
    assert moments.sums == (65535 * count - 1,)
    assert moments.squares == (65535**2 * (count - 1) + 65534**2,)
    assert moments.std == pytest.approx(np.sqrt((count - 1) / count**2), rel=1e-12)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(300, 1, 1, 1), (3, 511, 700, 3), (1, 1, 300_000, 1), (260, 9, 5, 3)])
def test_sums_are_exact_for_any_shape(dtype, shape):
    images = np.full(shape, np.iinfo(dtype).max, dtype)
    images[0, 0, 0] = 3
    wide = images.astype(np.uint64)
    moments = Moments.of(images, per_pixel=True)
    assert list(moments.sums) == wide.sum((0, 1, 2)).tolist()
    assert list(moments.squares) == (wide * wide).sum((0, 1, 2)).tolist()
    np.testing.assert_array_equal(moments.pixels, wide.sum(0))
    np.testing.assert_array_equal(moments.pixel_squares, (wide * wide).sum(0))


@given(cuts=st.lists(st.integers(0, 30), max_size=5), order=st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_any_division_and_order_gives_the_same_moments(cuts, order):
    images = batch(30, 3, np.uint16)
    whole = Moments.of(images, per_pixel=True)
    parts = [Moments.of(part, per_pixel=True) for part in np.split(images, sorted(cuts))]
    order.shuffle(parts)
    merged = Moments.merged([*parts, Moments.empty((5, 7, 3), per_pixel=True)])
    assert merged.to_json() == whole.to_json()


def test_moments_survive_pickle_and_json():
    moments = Moments.of(batch(4, 3, np.uint8), per_pixel=True)
    for copy in (pickle.loads(pickle.dumps(moments)), Moments.from_json(json.loads(json.dumps(moments.to_json())))):
        assert copy.to_json() == moments.to_json()
        np.testing.assert_array_equal(copy.pixel_mean, moments.pixel_mean)


def test_what_is_missing_is_said():
    with pytest.raises(ValueError, match="no image"):
        _ = Moments.empty((2, 2, 1)).mean
    with pytest.raises(ValueError, match="per_pixel=True"):
        _ = Moments.of(batch(2, 1, np.uint8)).pixel_mean
    with pytest.raises(ValueError, match="no common statistics"):
        Moments.empty((2, 2, 1)).plus(Moments.empty((2, 2, 3)))


MNIST = Path(__file__).parents[3] / "shared/data/mnist/train-images-idx3-ubyte.gz"


@pytest.mark.skipif(not MNIST.exists(), reason="the real digits are not here")
def test_the_real_digits_have_the_statistics_of_the_seed():
    """The training set of MNIST: mean 33.3184 and deviation 78.5675 over all 60,000 training images."""
    images = np.frombuffer(gzip.decompress(MNIST.read_bytes()), np.uint8, offset=16).reshape(-1, 28, 28, 1)
    moments = Moments.merged(Moments.of(part, per_pixel=True) for part in np.array_split(images, 7))
    assert moments.images == 60_000
    assert round(moments.mean, 4) == 33.3184
    assert round(moments.std, 4) == 78.5675
    np.testing.assert_allclose(moments.pixel_mean, images.mean(0), rtol=1e-12)
