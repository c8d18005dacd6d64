import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.spec.fields import SIZE, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("1B", 1),
        ("1 kB", 1000),
        ("1KiB", 1024),
        ("1 k", 1000),
        ("1.5 MiB", 3 << 19),
        ("2 GB", 2 * 10**9),
        (" 2 Ti ", 2 << 40),
        (77, 77),
    ],
)
def test_sizes(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "MiB", "1 mib", "1  MiB", "1,5 MiB", "-1", "0", "0.4", "1e3", "٣ MiB", True, None, 1.5, []]
)
def test_other_things_are_no_sizes(text: object) -> None:
    with pytest.raises(ValueError, match="expected a size such as 64 MiB"):
        parse_size(text)


@settings(deadline=None)
@given(st.integers(1, 2**50))
def test_a_number_of_bytes_is_itself(size: int) -> None:
    assert parse_size(size) == parse_size(str(size)) == parse_size(f"{size} B") == size
    assert re.fullmatch(SIZE, f"{size} KiB")


@pytest.mark.parametrize("section", ["convert", "augment", "pack"])
def test_storage_is_a_part_of_every_stage_with_shards(load: Callable[..., Any], section: str) -> None:
    text = f"..\n{section}: {{format: npz, shard_size: 1 MiB, compression: gzip}}\n"
    storage = getattr(load(text).spec, section)

    assert (storage.format, storage.shard_size, storage.compression) == ("npz", 1 << 20, "gzip")
