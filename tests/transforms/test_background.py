import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.transforms.background import Background, filled, swap_background
from imgprep.transforms.base import DonorImages
from imgprep.transforms.compose import Chain

DTYPES = [np.uint8, np.uint16]
SNOW, GRASS, HUSKY, WOLF = (230, 240, 250), (40, 120, 50), (90, 90, 110), (120, 100, 80)


def card(mask: np.ndarray, object_: tuple[int, ...], ground: tuple[int, ...], dtype=np.uint8) -> np.ndarray:
    """An object before a ground, as a camera sees it: each in its share of a pixel."""
    scale = np.iinfo(dtype).max // 255
    share = mask[..., None] / 255
    return np.rint(scale * (share * np.array(object_) + (1 - share) * np.array(ground))).astype(dtype)


def oval(rows: slice, columns: slice, soft: int = 0) -> np.ndarray:
    mask = np.zeros((24, 20), np.uint8)
    mask[rows, columns] = 255
    if soft:  # a rim that is partly object
        mask[rows.start - 1, columns] = soft
        mask[rows, columns.stop] = 255 - soft
    return mask


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_husky_comes_from_the_snow_onto_the_grass(dtype, channels: int) -> None:
    here, there = oval(slice(5, 14), slice(4, 12)), oval(slice(9, 20), slice(6, 18))
    image = card(here, HUSKY[:channels], SNOW[:channels], dtype)
    other = card(there, WOLF[:channels], GRASS[:channels], dtype)
    result = swap_background(image, DonorImages(here, other, there))
    # By hand: the object as it was, and grass everywhere else, also where the wolf stood.
    np.testing.assert_array_equal(result, card(here, HUSKY[:channels], GRASS[:channels], dtype))
    assert result.dtype == dtype


@pytest.mark.parametrize("soft", [1, 64, 128, 200, 254])
def test_no_rim_of_the_old_background_is_left(soft: int) -> None:
    here, there = oval(slice(5, 14), slice(4, 12), soft), oval(slice(9, 20), slice(6, 18), soft)
    image, other = card(here, HUSKY, SNOW), card(there, WOLF, GRASS)
    result = swap_background(image, DonorImages(here, other, there))
    wanted = card(here, HUSKY, GRASS)
    assert np.abs(result.astype(int) - wanted).max() <= 1, "of rounding"


def test_plain_blending_would_leave_a_rim_of_snow() -> None:
    here, there = oval(slice(5, 14), slice(4, 12), 128), oval(slice(9, 20), slice(6, 18))
    image, wanted = card(here, HUSKY, SNOW), card(here, HUSKY, GRASS)
    share = here[..., None] / 255
    plain = share * image + (1 - share) * np.array(GRASS)
    assert np.abs(plain - wanted).max() > 30
    assert np.abs(swap_background(image, DonorImages(here, card(there, WOLF, GRASS), there)) - plain).max() > 30


def test_levels_saturate() -> None:
    here = oval(slice(5, 14), slice(4, 12), 128)
    white = np.where(here[..., None] > 0, 255, 200).astype(np.uint8)
    bright = np.full((24, 20, 1), 255, np.uint8)
    there = oval(slice(2, 4), slice(2, 4))
    result = swap_background(white, DonorImages(here, bright, there))
    assert result.min() == 255, "128 of 255 object at 255 and a brighter ground do not wrap"


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 65535), st.integers(1, 9), st.integers(1, 9), st.randoms(use_true_random=False))
def test_a_flat_surrounding_is_continued_exactly(level: int, height: int, width: int, random) -> None:
    hole = np.array([[random.random() < 0.7 for _ in range(width)] for _ in range(height)])
    hole[random.randrange(height), random.randrange(width)] = False
    image = np.where(hole, random.randrange(65536), level).astype(np.uint16)[..., None]
    assert (filled(image, hole) == level).all()


def test_what_is_known_stays_and_a_hole_hangs_between_its_rims() -> None:
    slope = np.repeat((4.0 * np.arange(60))[:, None, None], 50, axis=1).astype(np.uint8)
    hole = np.zeros((60, 50), bool)
    hole[20:40, 15:35] = True
    found = filled(slope, hole)
    np.testing.assert_array_equal(found[~hole], slope[~hole])
    assert np.abs(found - slope).max() < 16, "a slope goes on through the hole, to 4 of its 60 rows"
    assert np.abs(np.diff(found[:, 25, 0])).max() < 12, "without a step"
    noise = np.random.default_rng(0).integers(0, 256, (60, 50, 3), np.uint8)
    found = filled(noise, hole)
    assert found[hole].min() >= noise[~hole].min()
    assert found[hole].max() <= noise[~hole].max()


def test_a_chain_says_whether_it_needs_company() -> None:
    chain = Chain((Background(),))
    assert chain.needs_donor
    assert not Chain(()).needs_donor
    here = oval(slice(5, 14), slice(4, 12))
    donor_images = DonorImages(here, card(here, WOLF, GRASS), here)
    records = chain.draw_from(lambda: 0.0, (24, 20, 3))
    assert chain.explain(records, (24, 20, 3)) == [{"transform": "background"}]
    np.testing.assert_array_equal(chain.apply(card(here, HUSKY, SNOW), records, donor_images), card(here, HUSKY, GRASS))
