import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.util.sizes import SIZE, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (17, 17),
        ("1", 1),
        ("1B", 1),
        ("17 b", 17),
        ("1 kB", 1000),
        ("1KB", 1000),
        ("1 kb", 1000),
        ("1KiB", 1024),
        ("1 k", 1000),
        ("64 MiB", 67_108_864),
        ("64 mib", 67_108_864),
        ("64mib", 67_108_864),
        (" 64  MIB ", 67_108_864),
        ("1.5 MiB", 1_572_864),
        ("2 GB", 2_000_000_000),
        ("1.5 GiB", 1_610_612_736),
        (" 2 Ti ", 2_199_023_255_552),
        ("0.001 kB", 1),
    ],
)
def test_sizes(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    ["", "MiB", "-1", "0", 0, "0.4", "1 MiBs", "1,5 MiB", "1e3", "1 2", "1.", "1 i", "\u0663 MiB", True, None, 1.5, []],
)
def test_other_things_are_no_sizes(text: object) -> None:
    with pytest.raises(ValueError, match="expected a size such as 64 MiB"):
        parse_size(text)


@settings(deadline=None)
@given(st.integers(1, 2**70), st.sampled_from(["", "B", "KB", "kib", "GiB", "TB"]))
def test_sizes_are_exact(number: int, unit: str) -> None:
    assert parse_size(number) == number
    assert parse_size(f"{number} {unit}") == number * parse_size(f"1 {unit}")
    assert re.fullmatch(SIZE, f"{number} {unit}".strip())
