"""The part of the native code that copies rows; that which shrinks is in tests/transforms/test_area.py."""

import subprocess
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgprep.util.native import SWITCH, native_module


@pytest.fixture(scope="module")
def native() -> ModuleType:
    found = pytest.importorskip("imgprep._native", reason="needs a C compiler")
    if not hasattr(found, "gather_rows"):
        pytest.skip("the extension is of an earlier build")
    return found


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("shape", [(), (1,), (4, 5, 3), (64, 64, 3)], ids=str)
def test_rows_of_several_arrays_come_to_their_places(native: ModuleType, dtype: str, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(1)
    sources: list[Any] = [random.integers(0, 256, (rows, *shape)).astype(dtype) for rows in (5, 0, 9, 1)]
    which = np.array([2, 0, 3, 2, 2, 0, 3], np.int64)
    rows = np.array([8, 4, 0, 0, 8, 0, 0], np.int64)
    target = np.full((7, *shape), 7, dtype)
    sources[0].flags.writeable = False  # as mapped ones are
    native.gather_rows([sources[0], None, *sources[2:]], which, rows, target)
    expected = np.stack([sources[number][row] for number, row in zip(which, rows, strict=True)])
    np.testing.assert_array_equal(target, expected)


def test_no_rows(native: ModuleType) -> None:
    none = np.empty(0, np.int64)
    native.gather_rows([], none, none, np.empty((0, 3), np.uint8))


@pytest.mark.parametrize(
    ("which", "rows"), [([0], [3]), ([0], [-1]), ([1], [0]), ([-1], [0]), ([0, 0], [2, 2**62]), ([2**62], [0])]
)
def test_a_row_that_is_not_there_is_refused(native: ModuleType, which: list[int], rows: list[int]) -> None:
    source = np.zeros((3, 4), np.uint8)
    target = np.zeros((len(which), 4), np.uint8)
    with pytest.raises(ValueError, match="no such row"):
        native.gather_rows([source], np.array(which, np.int64), np.array(rows, np.int64), target)


ONE = np.zeros(1, np.int64)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (([np.zeros((3, 4), np.uint8)], ONE, np.zeros(2, np.int64), np.zeros((1, 4), np.uint8)), ValueError),
        (([np.zeros((3, 4), np.uint8)], ONE, ONE, np.zeros((0, 4), np.uint8)), ValueError),
        (([np.zeros((3, 4), np.uint8)], np.zeros(3, np.uint8), np.zeros(3, np.uint8), np.zeros(4, "u1")), ValueError),
        (((np.zeros((3, 4), np.uint8),), ONE, ONE, np.zeros((1, 4), np.uint8)), ValueError),
        (([None], ONE, ONE, np.zeros((1, 4), np.uint8)), TypeError),
        (([np.zeros((3, 8), np.uint8)[:, ::2]], ONE, ONE, np.zeros((1, 4), np.uint8)), (ValueError, BufferError)),
        (([np.zeros((3, 4), np.uint8)], ONE, ONE, b"four"), (TypeError, BufferError)),
    ],
)
def test_what_does_not_fit_is_refused(native: ModuleType, arguments: Any, error: Any) -> None:
    with pytest.raises(error):
        native.gather_rows(*arguments)


def test_what_was_read_is_let_go(native: ModuleType) -> None:
    source = np.zeros((3, 4), np.uint8)
    before = sys.getrefcount(source)
    native.gather_rows([source], ONE, ONE, np.zeros((1, 4), np.uint8))
    with pytest.raises(ValueError, match="no such row"):
        native.gather_rows([source], np.zeros(2, np.int64), np.array([0, 9]), np.zeros((2, 4), np.uint8))
    assert sys.getrefcount(source) == before


def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "0")
    assert native_module() is None


def test_where_it_is_not_built_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imgprep._native", None)
    assert native_module() is None


def test_asking_for_it_imports_nothing_heavy() -> None:
    code = "import sys, imgprep.util.native as n; n.native_module(); print(*{'numpy', 'cv2'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@given(
    st.binary(max_size=40).map(lambda text: text.replace(b"\x01", b"\xff").replace(b"\x02", b"\xd9")),
    st.integers(0, 50),
)
def test_a_pair_of_bytes_is_found_as_bytes_find_it(text: bytes, start: int) -> None:
    found = pytest.importorskip("imgprep._native", reason="needs a C compiler")
    for content in (text, bytes(1020) + text, text + bytes(1020) + text):
        assert found.find_pair(content, start, b"\xff\xd9") == content.find(b"\xff\xd9", start)
        assert found.find_pair(content, start, b"\0\0") == content.find(b"\0\0", start)


@pytest.mark.parametrize("arguments", [(b"abc", -1, b"ab"), (b"abc", 0, b"a"), (b"abc", 0, b"abc")])
def test_what_is_no_pair_is_refused(native: ModuleType, arguments: tuple[bytes, int, bytes]) -> None:
    with pytest.raises(ValueError, match="a pair of bytes"):
        native.find_pair(*arguments)
