import importlib
import math
from types import ModuleType, SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from imgprep.transforms import affine
from imgprep.transforms.affine import affine_warper, agrees, warp_affine
from imgprep.util import native as native_code

BORDERS = (cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT, cv2.BORDER_WRAP)
COLOR = (7.5, 90.0, 300.0)
"""Rounded to an even number, as it is, and more than there is."""


@pytest.fixture(scope="module")
def native() -> ModuleType:
    found = pytest.importorskip("imgprep._native", reason="needs a C compiler")
    if not getattr(found, "WARP", 0):
        pytest.skip("needs a processor with AVX2")
    return found


pytestmark = pytest.mark.usefixtures("native_chosen_anew")


def noise(shape: tuple[int, ...], dtype: Any = np.uint8, seed: int = 0) -> NDArray[Any]:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def turned(degrees: float, scale: float, shift: tuple[float, float], shape: tuple[int, ...]) -> NDArray[np.float64]:
    matrix = np.asarray(cv2.getRotationMatrix2D((shape[1] / 2, shape[0] / 2), degrees, scale), np.float64)
    matrix[:, 2] += shift
    return matrix


def flat(matrix: NDArray[np.float64]) -> affine.Coefficients:
    a, b, c, d, e, f = matrix.ravel().tolist()
    return a, b, c, d, e, f


def by_opencv(image: NDArray[Any], matrix: NDArray[Any], size: tuple[int, int], border: int) -> NDArray[Any]:
    warped = cv2.warpAffine(image, matrix, size[::-1], flags=cv2.INTER_LINEAR, borderMode=border, borderValue=COLOR)
    return warped.reshape(*size, image.shape[2])


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("channels", [1, 3])
def test_all_small_sizes_have_the_bits_of_opencv(native: ModuleType, channels: int, border: int) -> None:
    whole = noise((12, 40, channels))
    for height in (1, 2, 3, 11, 12):
        for width in (1, 2, 3, 15, 16, 17, 33, 40):
            image = np.ascontiguousarray(whole[:height, :width])
            for number, size in enumerate(((1, 1), (2, 15), (3, 16), (height, width), (5, 47))):
                matrix = turned(31.0 * number - 7, 0.4 + 0.3 * number, (number - 1.7, height / 3 - number), image.shape)
                warped = affine._by_kernel(native, image, flat(matrix), size, border, COLOR)
                assert warped is not None
                assert np.array_equal(warped, by_opencv(image, matrix, size, border)), (image.shape, size)


@given(
    shape=st.tuples(st.integers(1, 90), st.integers(1, 90), st.sampled_from((1, 3))),
    size=st.tuples(st.integers(1, 90), st.integers(1, 120)),
    degrees=st.floats(-180, 180),
    scale=st.floats(0.1, 9),
    shift=st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
    border=st.sampled_from(BORDERS),
    dtype=st.sampled_from((np.uint8, np.uint8, np.uint16)),
    seed=st.integers(0, 9),
)
def test_any_warp_has_the_bits_of_opencv(
    shape: tuple[int, int, int],
    size: tuple[int, int],
    degrees: float,
    scale: float,
    shift: tuple[float, float],
    border: int,
    dtype: Any,
    seed: int,
) -> None:
    image = noise(shape, dtype, seed)
    matrix = turned(degrees, scale, shift, shape)
    warped = warp_affine(image, flat(matrix), size, border, COLOR)
    assert warped.dtype == image.dtype
    assert np.array_equal(warped, by_opencv(image, matrix, size, border))


@given(
    values=st.lists(st.floats(-3, 3), min_size=6, max_size=6), border=st.sampled_from(BORDERS), seed=st.integers(0, 9)
)
def test_any_matrix_has_the_bits_of_opencv(values: list[float], border: int, seed: int) -> None:
    image, matrix = noise((23, 37, 3), np.uint8, seed), np.array(values).reshape(2, 3)
    if abs(np.linalg.det(matrix[:, :2])) > 1e-4:
        warped = warp_affine(image, flat(matrix), (31, 41), border, COLOR)
        assert np.array_equal(warped, by_opencv(image, matrix, (31, 41), border))


@pytest.mark.parametrize("border", BORDERS)
def test_an_even_image_stays_even(border: int) -> None:
    for level in (0, 1, 254, 255):
        image = np.full((37, 53, 3), level, np.uint8)
        warped = warp_affine(image, flat(turned(20, 0.7, (3.3, -2.1), image.shape)), (37, 53), border, (level,) * 3)
        assert np.all(warped == level)


def test_a_matrix_that_reaches_too_far_goes_to_opencv(native: ModuleType) -> None:
    image = noise((9, 40, 3))
    for matrix in (np.array([[1e-7, 0, 0], [0, 1e-7, 0]]), np.array([[1.0, 0, 1e9], [0, 1, 0]])):
        assert affine._by_kernel(native, image, flat(matrix), (9, 40), cv2.BORDER_CONSTANT, COLOR) is None
        warped = warp_affine(image, flat(matrix), (9, 40), cv2.BORDER_CONSTANT, COLOR)
        assert np.array_equal(warped, by_opencv(image, matrix, (9, 40), cv2.BORDER_CONSTANT))
    nothing = np.full((2, 3), math.nan)
    assert affine._by_kernel(native, image, flat(nothing), (9, 40), cv2.BORDER_CONSTANT, COLOR) is None


def test_a_part_of_an_image_is_read_as_it_is(native: ModuleType) -> None:
    whole, matrix = noise((60, 80, 3)), turned(12, 1.1, (1, 2), (40, 50))
    for part in (whole[5:50, 7:71], whole[::-1], whole[:, ::2], whole[:, :, ::-1]):
        expected = by_opencv(np.ascontiguousarray(part), matrix, (40, 50), cv2.BORDER_REFLECT)
        assert np.array_equal(warp_affine(part, flat(matrix), (40, 50), cv2.BORDER_REFLECT, COLOR), expected)


def test_code_that_gives_another_bit_steps_aside(native: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def off_by_one(source: Any, target: Any, *rest: Any) -> bool:
        done = native.warp_affine(source, target, *rest)
        target[-1, -1, -1] ^= 1
        return bool(done)

    wrong = SimpleNamespace(warp_affine=off_by_one, WARP=1)
    assert agrees(native)
    assert not agrees(wrong)  # type: ignore[arg-type]
    monkeypatch.setattr(importlib, "import_module", lambda _: wrong)
    assert affine_warper() == "opencv"


@pytest.mark.parametrize("built", [None, SimpleNamespace(), SimpleNamespace(WARP=0)])
def test_where_it_is_not_there_opencv_does_the_work(monkeypatch: pytest.MonkeyPatch, built: Any) -> None:
    monkeypatch.setattr(native_code, "native_module", lambda: built)
    image, matrix = noise((23, 40, 3)), turned(5, 1, (0, 0), (23, 40))
    assert affine_warper() == "opencv"
    assert np.array_equal(
        warp_affine(image, flat(matrix), (23, 40), cv2.BORDER_WRAP, COLOR),
        by_opencv(image, matrix, (23, 40), cv2.BORDER_WRAP),
    )


IMAGE, ROOM, MATRIX = np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5, 3), np.uint8), np.eye(2, 3).tobytes()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((IMAGE, ROOM, (4, 6), (4, 5), 3, MATRIX, 0, (0, 0, 0)), ValueError),
        ((IMAGE, ROOM, (4, 5), (5, 5), 3, MATRIX, 0, (0, 0, 0)), ValueError),
        ((IMAGE, ROOM, (4, 5), (4, 5), 2, MATRIX, 0, (0, 0, 0)), ValueError),
        ((IMAGE, ROOM, (-4, -5), (4, 5), 3, MATRIX, 0, (0, 0, 0)), ValueError),
        ((IMAGE, ROOM, (4, 5), (4, 5), 3, MATRIX[:40], 0, (0, 0, 0)), ValueError),
        ((IMAGE, ROOM, (4, 5), (4, 5), 3, MATRIX, 4, (0, 0, 0)), ValueError),
        ((IMAGE, ROOM, (4, 5), (4, 5), 3, MATRIX, -1, (0, 0, 0)), ValueError),
        ((IMAGE, ROOM, (4, 5), (4, 5), 3, MATRIX, 0, (0, 256, 0)), OverflowError),
        ((IMAGE, bytes(60), (4, 5), (4, 5), 3, MATRIX, 0, (0, 0, 0)), (TypeError, BufferError)),
        ((np.zeros((0, 5, 3), np.uint8), ROOM, (0, 5), (4, 5), 3, MATRIX, 0, (0, 0, 0)), ValueError),
    ],
)
def test_what_does_not_fit_is_refused(native: ModuleType, arguments: Any, error: Any) -> None:
    with pytest.raises(error):
        native.warp_affine(*arguments)
