import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.stages.split.allocate import (
    TEST,
    TRAIN,
    VALIDATION,
    auto_fraction,
    by_hash,
    extremes,
    fold_targets,
    join,
    keys,
    make_units,
    part_of_units,
)
from imgprep.stages.split.stratify import stratify
from imgprep.util.apportion import apportion

relaxed = settings(deadline=None, max_examples=100)
sizes = st.lists(st.integers(0, 500), min_size=1, max_size=12)


def singles(count: int, seed: int = 0):
    key = keys([f"{row}" for row in range(count)], seed)
    return key, make_units(key, np.arange(count))


@pytest.mark.parametrize(
    ("images", "share"), [(1, 0.2), (999, 0.2), (1000, 0.1), (9999, 0.1), (10_000, 0.05), (10**7, 0.05)]
)
def test_auto_is_20_10_5_percent(images: int, share: float) -> None:
    assert auto_fraction(images) == share


@relaxed
@given(st.data())
def test_join_is_the_finest_partition_that_respects_both_relations(data: st.DataObject) -> None:
    rows = data.draw(st.integers(0, 40))
    column = st.lists(st.integers(-1, 10), min_size=rows, max_size=rows).map(lambda values: np.array(values, np.int64))
    relations = [data.draw(column), data.draw(column)]
    unit = join(rows, *relations)
    parent = list(range(rows))

    def root(row: int) -> int:
        while parent[row] != row:
            row = parent[row]
        return row

    for relation in relations:
        first: dict[int, int] = {}
        for row, value in enumerate(relation.tolist()):
            if value >= 0:
                parent[root(row)] = root(first.setdefault(value, row))
    wanted = [root(row) for row in range(rows)]
    for left in range(rows):
        for right in range(left):
            assert (unit[left] == unit[right]) == (wanted[left] == wanted[right])
    assert sorted(set(unit.tolist())) == list(range(len(set(wanted))))
    assert list(dict.fromkeys(unit.tolist())) == sorted(set(unit.tolist())), "numbered by first appearance"


def test_join_follows_a_long_chain() -> None:
    rows = 2000  # 0-1 by the first relation, 1-2 by the second, 2-3 by the first ...
    first, second = np.arange(rows) // 2, (np.arange(rows) + 1) // 2
    order = np.random.default_rng(0).permutation(rows)
    assert set(join(rows, first[order], second[order]).tolist()) == {0}
    assert join(3, np.array([], np.int64)).tolist() == [0, 1, 2]


def test_keys_depend_on_the_id_and_the_seed_alone() -> None:
    assert keys(["a", "b"], 1).tolist() == keys(["b", "a"], 1)[::-1].tolist()
    assert len({*keys(["a", "b"], 1).tolist(), *keys(["a", "b"], 2).tolist()}) == 4
    assert keys(["a"], 2**63 - 1).dtype == np.uint64
    assert keys([], 0).shape == (0,)


def test_units_are_ordered_by_their_smallest_key_and_by_number_where_keys_are_equal() -> None:
    key = np.array([7, 3, 9, 3, 5, 2**64 - 1], np.uint64)
    units = make_units(key, np.array([0, 1, 0, 2, 3, 3]))
    assert units.order.tolist() == [1, 2, 3, 0]
    assert units.sizes.tolist() == [2, 1, 1, 2]


@relaxed
@given(st.lists(st.tuples(st.integers(0, 8), st.booleans(), st.integers(0, 5)), max_size=30), st.booleans())
def test_a_part_of_the_units_is_what_its_rows_alone_would_form(rows: list[tuple[int, bool, int]], whole: bool) -> None:
    of_row = np.unique([unit for unit, _, _ in rows], return_inverse=True)[1].reshape(-1)
    kept = np.array([remains for _, remains, _ in rows], bool)
    if whole:
        kept = ~np.isin(of_row, of_row[kept])
    key = np.array([key for _, _, key in rows], np.uint64)
    part = part_of_units(make_units(key, of_row), key, kept)
    alone = make_units(key[kept], np.unique(of_row[kept], return_inverse=True)[1].reshape(-1))
    for found, expected in zip(
        (part.of_row, part.order, part.sizes), (alone.of_row, alone.order, alone.sizes), strict=True
    ):
        assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("dtype", [np.uint64, np.int64, np.uint8])
def test_extremes_of_a_unit_without_rows_are_the_wrong_way_round(dtype: type) -> None:
    lowest, highest = extremes(np.array([4, 2, 9], dtype), np.array([0, 0, 2]), 3)
    assert (lowest[[0, 2]].tolist(), highest[[0, 2]].tolist()) == ([2, 9], [4, 9])
    assert lowest[1] > highest[1]


@relaxed
@given(st.lists(st.integers(0, 5), min_size=1, max_size=100), st.integers(2, 7))
def test_folds_are_balanced_in_every_class_and_in_sum(values: list[int], folds: int) -> None:
    labels = np.array(values)
    targets = fold_targets(labels, 6, folds)
    assert targets.sum(axis=0).tolist() == np.bincount(labels, minlength=6).tolist()
    assert np.ptp(targets, axis=0).max() <= 1
    assert np.ptp(targets.sum(axis=1)) <= 1


def test_hash_shares_are_near_what_was_asked_for() -> None:
    key, units = singles(20_000)
    part = by_hash(key, units, 0.2, 0.25)
    found = Counter(part.tolist())
    assert found[TEST] == pytest.approx(4000, abs=250)
    assert found[VALIDATION] == pytest.approx(4000, abs=250)
    assert found[TRAIN] == pytest.approx(12_000, abs=350)
    assert set(by_hash(key, units, 0.0, 0.0).tolist()) == {TRAIN}


def test_the_share_of_hash_does_not_grow_with_the_size_of_the_units() -> None:
    key, _ = singles(40_000)
    units = make_units(key, np.arange(40_000) // 8)
    part = by_hash(key, units, 0.2, 0.0)
    assert (part == TEST).mean() == pytest.approx(0.2, abs=0.02)
    assert all(len(set(part[row : row + 8].tolist())) == 1 for row in range(0, 800, 8))


@pytest.mark.slow
def test_a_million_rows_in_seconds() -> None:
    rows = 1_000_000
    random = np.random.default_rng(0)
    labels = random.integers(0, 1000, rows)
    ids = [f"{row:07d}" for row in range(rows)]
    started = time.process_time()
    key = keys(ids, 1)
    groups = np.where(np.arange(rows) % 10 < 2, np.arange(rows) // 4, -1)
    units = make_units(key, join(rows, groups, random.integers(-rows, rows // 4, rows)))
    counts = np.bincount(labels, minlength=1000)
    wanted = apportion(counts, rows // 20)
    part = stratify(labels, units, np.stack([counts - wanted, wanted]))
    seconds = time.process_time() - started
    assert (part == 1).sum() == pytest.approx(rows // 20, rel=0.01)
    assert seconds < 20, "about 4 seconds on an idle core"


def test_a_chain_through_all_rows_is_one_unit_soon() -> None:
    rows = 200_000
    order = np.random.default_rng(0).permutation(rows)
    started = time.process_time()
    assert not join(rows, (np.arange(rows) // 2)[order], ((np.arange(rows) + 1) // 2)[order]).any()
    assert time.process_time() - started < 10, "a tenth of a second; walking along the chain would take minutes"
