import gc
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgprep.dataset.batches import Batches, Pass
from imgprep.errors import RequestError


def identity(order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return order, order


def rows(batches: Batches) -> list[int]:
    return [int(row) for images, _ in batches for row in images]


@given(
    count=st.integers(0, 50),
    size=st.integers(1, 9),
    world=st.integers(1, 5),
    shuffle=st.booleans(),
    drop=st.booleans(),
    epoch=st.integers(0, 2),
)
def test_the_ranks_share_the_rows(count: int, size: int, world: int, shuffle: bool, drop: bool, epoch: int) -> None:
    parts = [
        Batches(
            identity,
            count,
            Pass(batch_size=size, shuffle=shuffle, drop_last=drop, epoch=epoch, rank=rank, world_size=world),
        )
        for rank in range(world)
    ]
    lengths = [len(part) for part in parts]
    found = [[images.tolist() for images, _ in part] for part in parts]
    assert [len(part) for part in found] == lengths
    seen = [row for part in found for batch in part for row in batch]
    assert len(set(seen)) == len(seen)
    if drop:
        assert len(set(lengths)) == 1
        assert all(len(batch) == size for part in found for batch in part)
        assert count - len(seen) < size * world
    else:
        assert sorted(seen) == list(range(count))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    orders = {
        (seed, epoch): rows(Batches(identity, 40, Pass(batch_size=7, shuffle=True, seed=seed, epoch=epoch)))
        for seed in (0, 1)
        for epoch in (0, 1)
    }
    assert len({tuple(order) for order in orders.values()}) == 4
    assert orders[0, 0] == rows(Batches(identity, 40, Pass(batch_size=3, shuffle=True, seed=0, epoch=0)))


@pytest.mark.parametrize("prefetch", [0, 1, 3, 100])
def test_a_pass_goes_on_where_another_one_ended(prefetch: int) -> None:
    order = Pass(batch_size=4, shuffle=True, seed=2)
    whole = rows(Batches(identity, 30, order))
    for done in range(9):
        first = Batches(identity, 30, order, prefetch=prefetch)
        begun = [int(row) for _ in range(done) for row in next(first)[0]]
        state = first.state_dict()
        assert len(first) == 8 - done
        second = Batches(identity, 30, order, prefetch=prefetch)
        next(second)
        second.load_state_dict(state)
        assert begun + rows(second) == whole
        assert begun + rows(Batches(identity, 30, order, start=done, prefetch=prefetch)) == whole
        first.close()


def test_a_state_of_another_pass_is_refused() -> None:
    state = Batches(identity, 30, Pass(batch_size=4, seed=1), fingerprint="a").state_dict()
    with pytest.raises(RequestError, match="seed is 1 there and 2 here, fingerprint is 'a' there and 'b' here"):
        Batches(identity, 30, Pass(batch_size=4, seed=2), fingerprint="b").load_state_dict(state)
    with pytest.raises(RequestError, match=r"start is None; the pass has 8 batches"):
        Batches(identity, 30, Pass(batch_size=4, seed=1), fingerprint="a").load_state_dict({**state, "next": None})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"batch_size": 0}, "batch_size is 0; it must be a whole number, at least 1"),
        ({"batch_size": 2.5}, "batch_size is 2.5"),
        ({"batch_size": True}, "batch_size is True"),
        ({"batch_size": 1, "epoch": -1}, "epoch is -1"),
        ({"batch_size": 1, "world_size": 0}, "world_size is 0"),
        ({"batch_size": 1, "rank": 2, "world_size": 2}, "rank is 2; with a world_size of 2"),
    ],
)
def test_numbers_out_of_range_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        Pass(**options)


def test_a_start_behind_the_end_and_a_negative_prefetch_are_refused() -> None:
    assert rows(Batches(identity, 8, Pass(batch_size=4), start=2)) == []
    with pytest.raises(RequestError, match="start is 3; the pass has 2 batches"):
        Batches(identity, 8, Pass(batch_size=4), start=3)
    with pytest.raises(RequestError, match="prefetch is -1"):
        Batches(identity, 8, Pass(batch_size=4), prefetch=-1)


def test_a_fault_in_the_thread_reaches_the_caller_and_the_thread_ends() -> None:
    def faulty(order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if 5 in order:
            raise RequestError("row 5 cannot be read")
        return order, order

    batches = Batches(faulty, 30, Pass(batch_size=2), prefetch=4)
    assert next(batches)[0].tolist() == [0, 1]
    assert next(batches)[0].tolist() == [2, 3]
    with pytest.raises(RequestError, match="row 5"):
        next(batches)
    batches.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("imgprep-batches")]


def test_an_iterator_that_is_given_up_leaves_no_thread() -> None:
    batches = Batches(identity, 30, Pass(batch_size=2), prefetch=2)
    next(batches)
    thread = next(thread for thread in threading.enumerate() if thread.name.startswith("imgprep-batches"))
    del batches
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()
