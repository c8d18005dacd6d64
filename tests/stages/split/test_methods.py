from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgprep.errors import RequestError
from imgprep.stages.split.allocate import auto_fraction, round_half_up
from imgprep.stages.split.methods import decide
from imgprep.stages.split.settings import SplitRequest
from imgprep.table.sample import Sample, SampleTable
from tests.support.stage_fixtures import split_request

relaxed = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
NO_CLUSTERS = np.array([], np.int64)
MakeTable = Callable[..., SampleTable]
METHODS = ("stratified", "random", "hash", "kfold")

rows = st.lists(
    st.tuples(st.sampled_from(["ash", "elm", "oak", "yew"]), st.integers(0, 6), st.integers(-1, 8)),
    min_size=8,
    max_size=120,
)


def collection(drawn: list[tuple[str, int, int]], order: np.ndarray | None = None) -> tuple[SampleTable, np.ndarray]:
    """A table with groups, and clusters; in another order of the listing when asked for."""
    order = np.arange(len(drawn)) if order is None else order
    samples = [
        Sample(f"{label}/{row}", f"{label}/{row}", label, group=f"g{group}" if group else "")
        for row, (label, group, _) in enumerate(drawn)
    ]
    table = SampleTable.of(samples[row] for row in order.tolist())
    return table, np.array([cluster for _, _, cluster in drawn])[order]


def by_id(table: SampleTable, clusters: np.ndarray, chosen: SplitRequest) -> dict[str, str | None]:
    found = decide(table, clusters, chosen)
    names = [*found.names, None]
    return {id_: names[code] for id_, code in zip(table.id, found.codes.tolist(), strict=True)}


def count(found: dict[str, str | None], label: str = "") -> Counter[str | None]:
    return Counter(split for id_, split in found.items() if id_.startswith(label))


@relaxed
@given(st.lists(st.integers(0, 60), min_size=1, max_size=8), st.floats(0.05, 0.5), st.floats(0, 0.4), st.integers(0, 9))
def test_stratified_counts_are_exact(
    table: MakeTable, sizes: list[int], test: float, validation: float, seed: int
) -> None:
    labels = [f"class {number}" for number, size in enumerate(sizes) for _ in range(size)]
    found = decide(table(labels), NO_CLUSTERS, split_request(test=test, validation=validation, seed=seed))
    total = Counter(found.codes.tolist())
    wanted = round_half_up(len(labels) * test)
    rest = len(labels) - wanted
    assert total[2] == wanted
    assert total[1] == round_half_up(rest * validation), "validation is a share of what remains"
    counts = found.counts(table(labels).label, tuple(f"class {number}" for number in range(len(sizes))))
    for number, size in enumerate(sizes):
        mine = {split: row[f"class {number}"] for split, row in counts.items()}
        assert sum(mine.values()) == size
        if labels:
            assert abs(mine["test"] - size * wanted / len(labels)) < 1
        if rest:
            assert abs(mine["validation"] - (size - mine["test"]) * total[1] / rest) < 1


@pytest.mark.parametrize("images", [10, 999, 1000, 9999, 10_000])
def test_auto_sizes(table: MakeTable, images: int) -> None:
    found = decide(table(["ash", "elm"] * (images // 2) + ["ash"] * (images % 2)), NO_CLUSTERS, split_request())
    test = round_half_up(images * auto_fraction(images))
    assert (found.codes == 2).sum() == test
    assert (found.codes == 1).sum() == round_half_up((images - test) * 0.1)


def test_sizes_may_be_numbers_of_images(table: MakeTable) -> None:
    found = decide(table(["ash"] * 30 + ["elm"] * 10), NO_CLUSTERS, split_request(test=8, validation=4))
    assert found.counts(table(["ash"] * 30 + ["elm"] * 10).label, ("ash", "elm")) == {
        "train": {"ash": 21, "elm": 7},
        "validation": {"ash": 3, "elm": 1},
        "test": {"ash": 6, "elm": 2},
    }
    with pytest.raises(RequestError, match=r"spec:1: split.test: 41 images are asked for, there are 40"):
        decide(table(["ash"] * 40), NO_CLUSTERS, split_request(test=41, where="spec:1"))
    with pytest.raises(RequestError, match=r"split.validation: 33 images are asked for, there are 32"):
        decide(table(["ash"] * 40), NO_CLUSTERS, split_request(test=8, validation=33))


@relaxed
@given(
    rows, st.sampled_from(METHODS), st.integers(0, 3), st.randoms(use_true_random=False), st.sampled_from([1.0, 0.6])
)
def test_neither_the_order_of_the_listing_matters_nor_are_units_parted(
    drawn: list[tuple[str, int, int]], method: str, seed: int, random: object, fraction: float
) -> None:
    order = np.arange(len(drawn))
    random.shuffle(order)  # type: ignore[attr-defined]
    chosen = split_request(method=method, test=0.3, validation=0.2, folds=2, seed=seed, fraction=fraction)
    try:
        found = by_id(*collection(drawn), chosen)
    except RequestError:
        assert method == "kfold", "fewer units than folds"
        return
    assert found == by_id(*collection(drawn, order), chosen)
    groups, clusters = defaultdict(set), defaultdict(set)
    for row, (label, group, cluster) in enumerate(drawn):
        if group:
            groups[group].add(found[f"{label}/{row}"])
        if cluster >= 0:
            clusters[cluster].add(found[f"{label}/{row}"])
    assert all(len(splits) == 1 for splits in [*groups.values(), *clusters.values()])


@pytest.mark.parametrize("method", METHODS)
def test_another_seed_gives_another_assignment_and_the_same_seed_the_same(table: MakeTable, method: str) -> None:
    images = table(["ash", "elm"] * 100)
    found = [decide(images, NO_CLUSTERS, split_request(method=method, seed=seed, test=0.2)).codes for seed in (1, 1, 2)]
    assert (found[0] == found[1]).all()
    assert (found[0] != found[2]).any()


def test_equal_remainders_do_not_depend_on_which_class_is_listed_first(table: MakeTable) -> None:
    labels = ["ash"] * 5 + ["elm"] * 5
    ids = [f"{label}/{row}" for row, label in enumerate(labels)]
    chosen = split_request(test=5, validation=0)
    assert by_id(table(labels, ids), NO_CLUSTERS, chosen) == by_id(table(labels[::-1], ids[::-1]), NO_CLUSTERS, chosen)


def test_random_takes_no_account_of_classes(table: MakeTable) -> None:
    labels = ["ash"] * 50 + ["elm"] * 50
    tests = set()
    for seed in range(10):
        chosen = split_request(method="random", test=0.2, validation=0, seed=seed)
        found = decide(table(labels), NO_CLUSTERS, chosen)
        assert (found.codes == 2).sum() == 20
        tests.add(int((found.codes[:50] == 2).sum()))
    assert len(tests) > 2


def test_hash_keeps_every_image_where_it_is_when_others_arrive(table: MakeTable) -> None:
    chosen = split_request(method="hash", test=0.2, validation=0.1, seed=4)
    few = by_id(table(["ash"] * 300, [f"a{row}" for row in range(300)]), NO_CLUSTERS, chosen)
    many = by_id(table(["elm", *["ash"] * 999], ["new", *(f"a{row}" for row in range(999))]), NO_CLUSTERS, chosen)
    assert {id_: many[id_] for id_ in few} == few
    assert set(few.values()) == {"train", "validation", "test"}


@relaxed
@given(rows, st.integers(1, 40), st.sampled_from([1.0, 0.5]), st.randoms(use_true_random=False))
def test_hash_moves_no_image_when_others_arrive_also_not_with_groups_or_fraction(
    drawn: list[tuple[str, int, int]], fresh: int, fraction: float, random: object
) -> None:
    chosen = split_request(method="hash", test=0.3, validation=0.3, seed=2, fraction=fraction)
    old = [
        Sample(f"{row}", f"{row}", label, group=f"g{group}" if group else "")
        for row, (label, group, _) in enumerate(drawn)
    ]
    new = [Sample(f"new{row}", f"new{row}", "ash", group=("", "g1", "g2", "h")[row % 4]) for row in range(fresh)]
    together = [*old, *new]
    random.shuffle(together)  # type: ignore[attr-defined]
    before = by_id(SampleTable.of(old), NO_CLUSTERS, chosen)
    after = by_id(SampleTable.of(together), NO_CLUSTERS, chosen)
    assert {id_: after[id_] for id_ in before} == before


def test_a_fraction_by_hash_is_nested_and_says_nothing_about_the_split(table: MakeTable) -> None:
    images = table(["ash"] * 20_000)
    found = {
        share: decide(images, NO_CLUSTERS, split_request(method="hash", test=0.2, validation=0, fraction=share)).codes
        for share in (0.3, 0.6, 1.0)
    }
    for share, codes in found.items():
        assert (codes >= 0).mean() == pytest.approx(share, abs=0.015)
        assert (codes == 2).sum() / (codes >= 0).sum() == pytest.approx(0.2, abs=0.02)
        assert (codes[codes >= 0] == found[1.0][codes >= 0]).all(), "what is used is where it would be in the whole"
    assert (found[0.6][found[0.3] >= 0] >= 0).all(), "a smaller part is a part of a larger one"


def test_hash_says_when_lookalikes_may_move_images(table: MakeTable) -> None:
    chosen = split_request(method="hash", test=0.2)
    clusters = np.array([0, 0, 1, *[-1] * 7])
    assert any(
        "hash, but 2 images stay with near-duplicates" in note
        for note in decide(table(["ash"] * 10), clusters, chosen).notes
    )
    grouped = table(["ash"] * 10, group=["a", "a", *[""] * 8])
    assert not any("near-duplicates" in note for note in decide(grouped, clusters, chosen).notes), (
        "a group decides alone"
    )


def test_hash_may_make_no_other_splits(table: MakeTable) -> None:
    images = table(["ash"] * 50)
    nothing = decide(images, NO_CLUSTERS, split_request(method="hash", test=0, validation=0))
    assert set(nothing.codes.tolist()) == {0}
    auto = decide(images, NO_CLUSTERS, split_request(method="hash"))
    assert any("auto is 0.2 for 50 images" in note for note in auto.notes)


def test_folds_are_balanced(table: MakeTable) -> None:
    labels = ["ash"] * 23 + ["elm"] * 12 + ["oak"] * 8
    images = table(labels)
    found = decide(images, NO_CLUSTERS, split_request(method="kfold", folds=5))
    assert found.names == ("fold-1", "fold-2", "fold-3", "fold-4", "fold-5")
    counts = found.counts(images.label, ("ash", "elm", "oak"))
    for name, size in {"ash": 23, "elm": 12, "oak": 8}.items():
        mine = [row[name] for row in counts.values()]
        assert sum(mine) == size
        assert max(mine) - min(mine) <= 1
    totals = [sum(row.values()) for row in counts.values()]
    assert max(totals) - min(totals) <= 1
    with pytest.raises(RequestError, match=r"split.folds: 5 folds, but only 3 images or groups"):
        decide(table(["ash"] * 3), NO_CLUSTERS, split_request(method="kfold", folds=5))


def test_predefined_honours_the_source(table: MakeTable) -> None:
    splits = ["train"] * 20 + ["test"] * 5 + ["validation"] * 3 + [""] * 2
    images = table(["ash", "elm"] * 15, split=splits)
    found = decide(images, NO_CLUSTERS, split_request(method="predefined", validation=0))
    names = [found.names[code] for code in found.codes.tolist()]
    assert names == [split or "train" for split in splits]


def test_predefined_carves_validation_only_when_there_is_none_and_it_is_asked_for(table: MakeTable) -> None:
    splits = ["train"] * 20 + ["test"] * 10
    images = table(["ash", "elm"] * 15, split=splits)
    found = decide(images, NO_CLUSTERS, split_request(method="predefined", validation=0.2))
    assert Counter(found.codes.tolist()) == {0: 16, 1: 4, 2: 10}
    assert (found.codes[20:] == 2).all()
    given = table(["ash", "elm"] * 15, split=["validation", *splits[1:]])
    found = decide(given, NO_CLUSTERS, split_request(method="predefined", validation=0.2))
    assert Counter(found.codes.tolist()) == {0: 19, 1: 1, 2: 10}


def test_predefined_says_what_is_wrong(table: MakeTable) -> None:
    chosen = split_request(method="predefined", where="spec:9")
    with pytest.raises(RequestError, match=r"spec:9: split.method: predefined, but the source gives no splits"):
        decide(table(["ash"] * 5), NO_CLUSTERS, chosen)
    with pytest.raises(RequestError, match="'holdout' is no split; use train, validation and test"):
        decide(table(["ash"] * 2, split=["train", "holdout"]), NO_CLUSTERS, chosen)
    parted = table(["ash"] * 4, split=["train", "train", "test", "test"], group=["a", "b", "b", ""])
    found = decide(parted, NO_CLUSTERS, split_request(method="predefined", validation=0))
    assert any("part 1 groups or clusters" in note for note in found.notes)


@relaxed
@given(rows, st.floats(0.1, 0.9))
def test_fraction_is_a_stratified_part_that_the_splits_share(drawn: list[tuple[str, int, int]], share: float) -> None:
    plain = [(label, 0, -1) for label, _, _ in drawn]
    table, clusters = collection(plain)
    found = by_id(table, clusters, split_request(fraction=share, test=0.25, validation=0))
    used = round_half_up(len(plain) * share)
    total = count(found)
    assert total[None] == len(plain) - used
    assert total["test"] == round_half_up(used * 0.25)
    for label in ("ash", "elm", "oak", "yew"):
        mine = count(found, label)
        assert abs(mine.total() - mine[None] - mine.total() * used / len(plain)) < 1


@pytest.mark.parametrize("method", METHODS)
def test_a_frozen_test_split_keeps_its_members_and_gets_no_others(table: MakeTable, method: str) -> None:
    ids = [f"a{row}" for row in range(60)]
    groups = ["pair" if row in {3, 4} else "" for row in range(60)]
    frozen = frozenset({"a3", "a10", "a50", "gone"})
    chosen = split_request(method=method, frozen=frozen, test=0.5, validation=0.2, folds=3)
    found = decide(table(["ash"] * 60, ids, group=groups), NO_CLUSTERS, chosen)
    names = [*found.names, None]
    splits = {id_: names[code] for id_, code in zip(ids, found.codes.tolist(), strict=True)}
    assert {id_ for id_, split in splits.items() if split == "test"} == {"a3", "a10", "a50"}
    assert [id_ for id_, split in splits.items() if split is None] == ["a4"], "it belongs with a3"
    assert any("1 images belong with members" in note for note in found.notes)
    assert any("1 members of the frozen test split are not in this collection" in note for note in found.notes)


def test_a_frozen_test_split_and_predefined_splits_contradict(table: MakeTable) -> None:
    chosen = split_request(method="predefined", frozen=frozenset({"a"}))
    with pytest.raises(RequestError, match="a frozen test split contradicts"):
        decide(table(["ash"] * 2, ["a", "b"], split=["train", "test"]), NO_CLUSTERS, chosen)


def test_classes_too_small_for_a_split_are_noted(table: MakeTable) -> None:
    labels = ["ash"] * 50 + ["elm"] * 50 + ["rare"]
    notes = decide(table(labels), NO_CLUSTERS, split_request()).notes
    assert notes == (
        "split validation: no image of rare: too small a class to appear in it",
        "split test: no image of rare: too small a class to appear in it",
    )
    assert decide(table(["ash"] * 50 + ["elm"] * 50), NO_CLUSTERS, split_request()).notes == ()


@pytest.mark.parametrize("method", ["stratified", "random"])
def test_a_group_that_is_everything_is_said_to_leave_nothing_for_the_others(table: MakeTable, method: str) -> None:
    images = table(["ash"] * 30 + ["elm"] * 30, group=["all"] * 60)
    found = decide(images, NO_CLUSTERS, split_request(method=method, test=0.2, validation=0.25))
    assert set(found.codes.tolist()) == {0}
    assert [note.partition(":")[0] for note in found.notes] == ["split test", "split validation"]
    assert "is empty, though 12 images are asked for: the 60 images belong together in 1 groups" in found.notes[0]
    assert decide(images, NO_CLUSTERS, split_request(method=method, test=0, validation=0)).notes == ()
    everything = decide(images, NO_CLUSTERS, split_request(method=method, test=60))
    assert "split train: is empty, there is nothing to train on" in everything.notes


@pytest.mark.parametrize("method", ["stratified", "random", "hash"])
def test_an_empty_collection_has_empty_splits(table: MakeTable, method: str) -> None:
    found = decide(table([]), NO_CLUSTERS, split_request(method=method))
    assert found.codes.tolist() == []
