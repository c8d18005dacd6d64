import importlib
import itertools
import os
import subprocess
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from imgprep.transforms import area
from imgprep.transforms.area import agrees, area_resizer, resize_area


@pytest.fixture(scope="module")
def native() -> ModuleType:
    return pytest.importorskip("imgprep._native", reason="needs a C compiler")


pytestmark = pytest.mark.usefixtures("native_chosen_anew")


def noise(shape: tuple[int, ...], dtype: Any, seed: int = 0) -> NDArray[Any]:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def by_opencv(image: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    small = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
    return small.reshape(*size, image.shape[2])


def test_all_small_sizes_have_the_bits_of_opencv(native: ModuleType) -> None:
    images = {c: noise((17, 19, c), np.uint8, c) for c in (1, 3)}
    tried = 0
    for height, width in itertools.product(range(1, 18), range(1, 20)):
        for image in images.values():
            part = np.ascontiguousarray(image[:height, :width])
            for size in itertools.product({1, 2, 3, height // 2, height - 1, height}, {1, 3, 5, width - 1, width}):
                if 0 < size[0] <= height and 0 < size[1] <= width and (height % size[0] or width % size[1]):
                    assert np.array_equal(area._by_kernel(native, part, size), by_opencv(part, size)), (
                        part.shape,
                        size,
                    )
                    tried += 1
    assert tried > 5000


@given(
    height=st.integers(1, 300),
    width=st.integers(1, 300),
    rows=st.integers(1, 300),
    columns=st.integers(1, 300),
    channels=st.sampled_from((1, 3)),
    dtype=st.sampled_from((np.uint8, np.uint16)),
    seed=st.integers(0, 9),
)
def test_any_size_has_the_bits_of_opencv(
    height: int, width: int, rows: int, columns: int, channels: int, dtype: Any, seed: int
) -> None:
    image = noise((height, width, channels), dtype, seed)
    size = min(rows, height), min(columns, width)
    small = resize_area(image, size)
    assert small.dtype == image.dtype
    assert np.array_equal(small, by_opencv(image, size))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("level", [0, 1, None], ids=["black", "darkest", "white"])
def test_an_even_image_stays_even(dtype: Any, level: int | None) -> None:
    level = np.iinfo(dtype).max if level is None else level
    for shape, size in (((997, 61, 3), (113, 60)), ((64, 1000, 1), (63, 7)), ((5, 4099, 3), (4, 1))):
        assert np.all(resize_area(np.full(shape, level, dtype), size) == level)


def test_a_part_of_an_image_is_read_as_it_is(native: ModuleType) -> None:
    whole = noise((60, 80, 3), np.uint8)
    for part in (whole[5:50, 7:71], whole[::-1], whole[:, ::2], whole[:, :, ::-1]):
        assert np.array_equal(resize_area(part, (11, 13)), by_opencv(np.ascontiguousarray(part), (11, 13)))


def test_other_shapes_go_to_opencv(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(area, "_kernel", lambda: SimpleNamespace(resize_area=never, INSTRUCTIONS="none"))
    for image, size in (
        (noise((40, 60, 3), np.uint8), (20, 30)),  # whole factors
        (noise((40, 60, 3), np.uint8), (40, 120)),  # one side grows
        (noise((40, 60, 4), np.uint8), (13, 17)),
        (noise((40, 60, 3), np.uint8).astype(np.float32), (13, 17)),
    ):
        assert np.array_equal(resize_area(image, size), by_opencv(image, size))


def test_code_that_gives_another_bit_steps_aside(native: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def off_by_one(source: Any, target: Any, *rest: Any) -> None:
        native.resize_area(source, target, *rest)
        target[-1, -1, -1] ^= 1

    wrong = SimpleNamespace(resize_area=off_by_one, INSTRUCTIONS="wrong")
    assert agrees(native)
    assert not agrees(wrong)  # type: ignore[arg-type]
    monkeypatch.setattr(importlib, "import_module", lambda _: wrong)
    assert area_resizer() == "opencv"


def test_where_it_is_not_built_opencv_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imgprep._native", None)
    image = noise((40, 60, 3), np.uint8)
    assert area_resizer() == "opencv"
    assert np.array_equal(resize_area(image, (13, 17)), by_opencv(image, (13, 17)))


@pytest.mark.parametrize(("switch", "expected"), [("0", "opencv"), ("1", "native")])
def test_a_variable_of_the_environment_decides(native: ModuleType, switch: str, expected: str) -> None:
    code = "from imgprep.transforms.area import area_resizer; print(area_resizer())"
    environment = {**os.environ, "IMGPREP_NATIVE": switch}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.startswith(expected)


@pytest.mark.parametrize(
    ("size", "target_size", "channels"),
    [((5, 5), (3, 3), 2), ((5, 6), (3, 3), 3), ((5, 5), (6, 3), 3), ((5, 5), (0, 3), 3), ((-5, -5), (3, 3), 3)],
)
def test_sizes_that_do_not_fit_the_memory_are_refused(
    native: ModuleType, size: tuple[int, int], target_size: tuple[int, int], channels: int
) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        native.resize_area(bytes(75), bytearray(27), size, target_size, channels, False)


def test_read_only_memory_is_never_written(native: ModuleType) -> None:
    with pytest.raises(TypeError):
        native.resize_area(bytes(75), bytes(27), (5, 5), (3, 3), 3, False)
