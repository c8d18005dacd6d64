import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.stages.split.allocate import fold_targets, keys, make_units, round_half_up
from imgprep.stages.split.stratify import Members, members_of, place, stratify
from imgprep.util.apportion import apportion
from imgprep.util.native import SWITCH, native_module

relaxed = settings(deadline=None, max_examples=100)
CLASSES = 4
rows_of_units = st.lists(st.tuples(st.integers(0, CLASSES - 1), st.integers(0, 30)), min_size=1, max_size=150)


@relaxed
@given(st.lists(st.integers(0, 3), min_size=1, max_size=200), st.floats(0, 1), st.integers(0, 2**32))
def test_single_images_meet_every_quota(values: list[int], share: float, seed: int) -> None:
    labels = np.array(values)
    counts = np.bincount(labels, minlength=4)
    wanted = apportion(counts, round_half_up(share * len(labels)))
    units = make_units(keys([f"{row}" for row in range(len(labels))], seed), np.arange(len(labels)))
    part = stratify(labels, units, np.stack([counts - wanted, wanted]))
    assert np.bincount(labels[part == 1], minlength=4).tolist() == wanted.tolist()
    assert set(part.tolist()) <= {0, 1}


@relaxed
@given(
    rows_of_units,
    st.integers(2, 6),
    st.integers(0, 2**32),
)
def test_units_stay_whole_and_parts_stay_near_their_targets(rows: list[tuple[int, int]], parts: int, seed: int) -> None:
    labels = np.array([label for label, _ in rows])
    of_row = np.unique([unit for _, unit in rows], return_inverse=True)[1]
    units = make_units(keys([f"{row}" for row in range(len(rows))], seed), of_row)
    targets = fold_targets(labels, 4, parts)
    part = stratify(labels, units, targets)
    where = defaultdict(set)
    for unit, found in zip(of_row.tolist(), part.tolist(), strict=True):
        where[unit].add(found)
    assert all(len(found) == 1 for found in where.values())
    assert ((part >= 0) & (part < parts)).all()
    # Greedy and largest first: no part is further over its share than the largest unit and the rounding of the classes.
    assert np.bincount(part, minlength=parts).max() <= math.ceil(len(rows) / parts) + units.sizes.max() + 4


@relaxed
@given(rows_of_units, st.randoms(use_true_random=False))
def test_members_are_the_classes_of_each_unit_with_their_rows(rows: list[tuple[int, int]], random) -> None:
    labels = np.array([label for label, _ in rows])
    of_row = np.unique([unit for _, unit in rows], return_inverse=True)[1].reshape(-1)
    units = make_units(np.arange(len(rows), dtype=np.uint64), of_row)
    some = random.sample(range(len(units.sizes)), random.randint(1, len(units.sizes)))
    members = members_of(labels, units, np.array(some), CLASSES)
    starts = [0, *members.ends.tolist()]
    for unit, start, end in zip(some, starts, starts[1:], strict=False):
        expected = Counter(label for (label, _), mine in zip(rows, of_row.tolist(), strict=True) if mine == unit)
        found = zip(members.labels[start:end].tolist(), members.counts[start:end].tolist(), strict=True)
        assert list(found) == sorted(expected.items())


def units_of(*units: dict[int, int]) -> Members:
    entries = [sorted(unit.items()) for unit in units]
    flat = np.array([pair for unit in entries for pair in unit], np.int64)
    return Members(np.cumsum([len(unit) for unit in entries]), flat[:, 0].copy(), flat[:, 1].copy())


@pytest.fixture(params=["native", "lists"])
def _code(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "native" and not hasattr(native_module(), "place_units"):
        pytest.skip("needs a C compiler")
    monkeypatch.setenv(SWITCH, "1" if request.param == "native" else "0")


@relaxed
@given(
    st.lists(st.dictionaries(st.integers(0, 3), st.integers(1, 9), min_size=1), min_size=1, max_size=60),
    st.integers(1, 5),
    st.data(),
)
def test_the_native_code_places_units_where_lists_do(units, parts: int, data: st.DataObject) -> None:
    if not hasattr(native_module(), "place_units"):
        pytest.skip("needs a C compiler")
    numbers = st.lists(st.integers(-2, 40), min_size=4, max_size=4)
    left = np.array([data.draw(numbers) for _ in range(parts)], np.int64)
    native = left.copy()
    chosen = place(units_of(*units), native)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SWITCH, "0")
        assert place(units_of(*units), left).tolist() == chosen.tolist()
    assert left.tolist() == native.tolist()


@pytest.mark.usefixtures("_code")
def test_numbers_that_floats_do_not_hold_are_compared_exactly() -> None:
    # Both parts lack all, so the first gets a unit; then it lacks less than all, which floats would not show.
    most = 2**53 + 1
    need = np.array([[most], [most]], np.int64)
    assert place(units_of({0: 1}, {0: 1}), need).tolist() == [0, 1]
    assert need.tolist() == [[most - 1], [most - 1]]


@pytest.mark.parametrize("wrong", [{"ends": [2]}, {"ends": [-1]}, {"labels": [2]}, {"labels": [-1]}, {"parts": 3}])
def test_the_native_code_refuses_what_does_not_fit(wrong) -> None:
    native = native_module()
    if native is None or not hasattr(native, "place_units"):
        pytest.skip("needs a C compiler")
    given = {"ends": [1], "labels": [0], "counts": [1], "need": [1] * 4, "wanted": [1] * 4, "chosen": [0], "parts": 2}
    given |= wrong
    with pytest.raises(ValueError, match="do not fit"):
        native.place_units(*(v if isinstance(v, int) else np.array(v, np.int64) for v in given.values()))


@pytest.mark.usefixtures("_code")
def test_a_unit_goes_where_it_fits_and_then_where_it_is_wanted_most() -> None:
    need = np.array([[8, 4], [2, 0]], np.int64)
    # 3 rows fit into part 0 only; of the next 2, part 1 wants all that it is to have; a class that only part 0 wants.
    assert place(units_of({0: 3}, {0: 2}, {1: 2}), need).tolist() == [0, 1, 0]
    assert need.tolist() == [[5, 2], [0, 0]]


@pytest.mark.usefixtures("_code")
def test_a_unit_of_several_classes_counts_all_of_them() -> None:
    need = np.array([[1, 9, 0], [9, 1, 0]], np.int64)
    # Two rows too many in part 0 against one in part 1; then both want nothing of class 2, and the first is as good.
    assert place(units_of({0: 3, 1: 2}, {2: 5}, {0: 1, 1: 5}), need).tolist() == [1, 0, 0]
    assert need.tolist() == [[0, 4, -5], [6, -1, 0]]


@pytest.mark.usefixtures("_code")
def test_there_may_be_no_unit() -> None:
    none = np.array([], np.int64)
    assert place(Members(none, none, none), np.array([[1], [1]], np.int64)).tolist() == []
