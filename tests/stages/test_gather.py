from collections.abc import Callable

import numpy as np
import pytest

from imgprep.shards import FORMATS
from imgprep.stages import gather
from imgprep.stages.gather import Shelf
from imgprep.stages.tables import Images

MakeImages = Callable[..., Images]


@pytest.mark.parametrize("format_name", list(FORMATS))
def test_any_row_of_any_stage(images: MakeImages, format_name: str) -> None:
    random = np.random.default_rng(0)
    pixels = [random.integers(0, 256, (7, 3, 2, 3), np.uint8) for _ in range(2)]
    stages = [
        images(array, ["a"] * 7, [3, 4], format_name=format_name, output=f"o{number}")
        for number, array in enumerate(pixels)
    ]
    with Shelf.of(*stages).opened() as shelf:
        for stage, array in enumerate(pixels):
            for row, (shard, place) in enumerate(stages[stage].places(np.arange(len(stages[stage].table))).tolist()):
                np.testing.assert_array_equal(shelf.row(stage, shard, place), array[row])
        assert shelf.rows(1, 1).shape == (4, 3, 2, 3)


def test_no_more_shards_are_open_than_allowed(images: MakeImages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "OPEN", 2)
    pixels = np.arange(5 * 12, dtype=np.uint8).reshape(5, 2, 2, 3)
    few = images(pixels, ["a"] * 5, [1] * 5)
    shelf = Shelf.of(few).opened()
    with shelf:
        for shard in (0, 1, 2, 0, 4, 3, 0):
            np.testing.assert_array_equal(shelf.row(0, shard, 0), pixels[shard])
            assert len(shelf._open) <= 2
        assert list(shelf._open) == [(0, 3), (0, 0)], "the last used stay open"
    assert not shelf._open
