import zlib
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.util import checksum
from imgprep.util import native as native_code
from imgprep.util.native import SWITCH, native_module

BEFORE = st.integers(0, 2**32 - 1)


pytestmark = pytest.mark.usefixtures("native_chosen_anew")


@settings(deadline=None)
@given(st.binary(max_size=400), BEFORE, st.integers(0, 20))
def test_the_sum_is_that_of_zlib(content: bytes, before: int, start: int) -> None:
    part = memoryview(content)[start:]
    assert checksum.crc32(part, before) == zlib.crc32(part, before)


@pytest.mark.parametrize("shape", [(224, 224, 3), (5, 7, 1), (0, 3)], ids=str)
def test_rows_of_images_and_features(shape: tuple[int, ...]) -> None:
    for dtype in (np.uint8, np.float32):
        row = np.random.default_rng(1).integers(0, 256, (2, *shape)).astype(dtype)[1]
        row.flags.writeable = False  # as mapped ones are
        assert checksum.crc32(row) == zlib.crc32(row.tobytes())


def test_the_native_sum_is_used_where_it_can_be() -> None:
    kernel = native_module()
    if not getattr(kernel, "CRC32", 0):
        pytest.skip("no native sum here")
    assert checksum._fastest() is kernel.crc32  # type: ignore[union-attr]


def test_the_switch_leaves_it_to_zlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "0")
    assert checksum._fastest() is zlib.crc32


@pytest.mark.parametrize(
    "kernel",
    [
        SimpleNamespace(),  # built before there was one
        SimpleNamespace(CRC32=0, crc32=zlib.crc32),
        SimpleNamespace(CRC32=1, crc32=lambda content, before: zlib.crc32(content, before) ^ (len(content) == 1027)),
    ],
    ids=["older", "another processor", "wrong by one bit at one length"],
)
def test_a_native_sum_that_is_not_there_or_wrong_steps_aside(kernel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_code, "native_module", lambda: kernel)
    assert checksum._fastest() is zlib.crc32
