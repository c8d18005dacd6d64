from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize("section", ["convert", "augment", "pack"])
def test_storage_is_a_part_of_every_stage_with_shards(load: Callable[..., Any], section: str) -> None:
    text = f"..\n{section}: {{format: npz, shard_size: 1 MiB, compression: gzip}}\n"
    storage = getattr(load(text).spec, section)

    assert (storage.format, storage.shard_size, storage.compression) == ("npz", 1 << 20, "gzip")
