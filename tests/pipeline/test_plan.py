import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.pipeline.plan import SMALLEST, ShardPlan, cut, plan_digest, shard_count, shard_names

relaxed = settings(deadline=None)


class Numbers:
    """The simplest items."""

    def __init__(self, *values: int) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def digest(self) -> str:
        return repr(self.values)


@relaxed
@given(st.integers(1, 10**7), st.integers(1, 10**6), st.integers(1, 1 << 30))
def test_no_shard_is_too_large_nor_are_there_more_than_needed(rows: int, row_bytes: int, shard_size: int) -> None:
    count = shard_count(rows, row_bytes, shard_size)
    assert 1 <= count <= rows
    largest = -(-rows // count)
    assert largest == 1 or largest * row_bytes <= shard_size
    fewest = -(-rows // max(1, shard_size // row_bytes))
    assert fewest <= count < fewest + 8
    if count > fewest:
        assert rows * row_bytes // count >= SMALLEST, "no shard is made smaller than 4 MiB for the sake of eight"


def test_few_shards_are_a_multiple_of_eight() -> None:
    assert shard_count(10_000, 150_528, 64 << 20) % 8 == 0
    assert shard_count(0, 1000, 1000) == 0
    assert shard_count(3, 10**9, 64 << 20) == 3


@relaxed
@given(st.lists(st.booleans(), max_size=300), st.integers(1, 20))
def test_cut_covers_every_row_once_and_shares_the_images_evenly(usable: list[bool], wanted: int) -> None:
    images = np.array(usable, bool)
    count = max(1, min(wanted, int(images.sum())))
    ranges = cut(images, count)
    assert [row for part in ranges for row in range(part.start, part.stop)] == list(range(len(images)))
    if usable:
        assert len(ranges) == count
        numbers = [int(images[part].sum()) for part in ranges]
        assert max(numbers) - min(numbers) <= 1


def test_names_say_how_many_there_are() -> None:
    assert shard_names("train", 1, ".h5") == ["train-00000-of-00001.h5"]
    assert shard_names("fold-1", 100_001, ".npz")[-1] == "fold-1-100000-of-100001.npz"


def test_a_plan_with_an_item_excluded_is_another_plan() -> None:
    plan = ShardPlan(3, "x.h5", "train", Numbers(1, 2), "digest", {0: "first"})
    changed = plan.excluding(1, "second")
    assert changed.excluded == {0: "first", 1: "second"}
    assert plan.excluded == {0: "first"}
    assert (changed.index, changed.digest, changed.items) == (3, "digest", plan.items)


@pytest.mark.parametrize("other", [("job 2", "x.h5", (1, 2)), ("job", "y.h5", (1, 2)), ("job", "x.h5", (2, 1))])
def test_a_digest_knows_job_name_and_items(other: tuple[str, str, tuple[int, ...]]) -> None:
    job, filename, values = other
    assert plan_digest(job, filename, Numbers(*values)) != plan_digest("job", "x.h5", Numbers(1, 2))
    assert plan_digest("job", "x.h5", Numbers(1, 2)) == plan_digest("job", "x.h5", Numbers(1, 2))
