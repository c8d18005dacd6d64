from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.checks.base import Evidence
from imgprep.checks.rules.counts import ClassBalanceMax, ClassBalanceMean, ClassSize
from imgprep.stages.augment.plan import Batch, batches, by_split, copy_name, named_copy
from imgprep.stages.augment.settings import AugmentSettings
from imgprep.stages.split.allocate import NAMES, TEST, TRAIN, VALIDATION
from imgprep.stages.split.methods import Assignment
from imgprep.table.columns import StringColumn
from imgprep.table.sample import Sample, SampleTable
from tests.support.sections import section


def counts(**given: Any) -> AugmentSettings:
    """How many images to make, whatever they are made with."""
    chain = ("flip",) if {"per_image", "per_class", "balance", "views"} & {key for key in given if given[key]} else ()
    return section(AugmentSettings, transforms=chain, **given)


relaxed = settings(deadline=None, max_examples=60)
rows = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([TRAIN, TRAIN, VALIDATION, TEST, -1])), max_size=60)
amounts = st.builds(
    counts,
    balance=st.one_of(st.none(), st.sampled_from(["max", "mean"]), st.integers(1, 50)),
    mix=st.dictionaries(st.sampled_from(["invert", "blur"]), st.floats(0.01, 1), max_size=2),
    stress=st.sampled_from([(), ("inverted",), ("inverted", "shifted")]),
    views=st.one_of(st.none(), st.integers(1, 4)),
)


def made(
    drawn: list[tuple[int, int]], wanted: AugmentSettings, order: list[int] | None = None, seed: int = 0
) -> list[Batch]:
    labels = np.array([label for label, _ in drawn], np.int64)
    codes = np.array([code for _, code in drawn], np.int64)
    places = order if order is not None else list(range(len(drawn)))
    ids = StringColumn.of(f"image-{place}" for place in places)
    return list(batches(Assignment(NAMES, codes[places]), labels[places], ids, wanted, seed))


def copies(found: list[Batch], split: str, recipe: str = "") -> Iterator[tuple[int, int]]:
    for batch in found:
        if (batch.split, batch.recipe) == (split, recipe):
            yield from zip(batch.parents.tolist(), batch.copies.tolist(), strict=True)


@relaxed
@given(rows, amounts)
def test_training_copies_have_training_parents_and_test_sets_have_test_parents(
    drawn: list[tuple[int, int]], wanted: AugmentSettings
) -> None:
    for batch in made(drawn, wanted):
        code = TRAIN if batch.split == "train" else TEST
        assert all(drawn[parent][1] == code for parent in batch.parents.tolist())
        assert batch.split == "train" or batch.split.startswith("test-")


@relaxed
@given(rows, amounts)
def test_parents_are_chosen_evenly_and_copies_are_numbered_from_one(
    drawn: list[tuple[int, int]], wanted: AugmentSettings
) -> None:
    for batch in made(drawn, wanted):
        numbers: dict[int, list[int]] = defaultdict(list)
        for parent, copy in zip(batch.parents.tolist(), batch.copies.tolist(), strict=True):
            numbers[parent].append(copy)
        assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())
        if batch.split == "train":
            for label in range(4):
                mine = [row for row, (of, code) in enumerate(drawn) if (of, code) == (label, TRAIN)]
                often = [len(numbers.get(row, [])) for row in mine]
                assert max(often, default=0) - min(often, default=0) <= 1


@relaxed
@given(rows, st.integers(1, 40))
def test_per_class_tops_up_and_takes_nothing_away(drawn: list[tuple[int, int]], target: int) -> None:
    before = Counter(label for label, code in drawn if code == TRAIN)
    after = before + Counter(drawn[row][0] for row, _ in copies(made(drawn, counts(per_class=target)), "train"))
    assert after == {label: max(count, target) for label, count in before.items()}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (counts(per_image=3), {0: 24, 1: 8, 2: 4}),
        (counts(balance="max"), {0: 6, 1: 6, 2: 6}),
        (counts(balance="mean"), {0: 6, 1: 3, 2: 3}),
        (counts(per_class=4), {0: 6, 1: 4, 2: 4}),
    ],
)
def test_exact_counts(wanted: AugmentSettings, expected: dict[int, int]) -> None:
    drawn = [(0, TRAIN)] * 6 + [(1, TRAIN)] * 2 + [(2, TRAIN)] + [(0, TEST)] * 9
    found = Counter(drawn[row][0] for row, _ in copies(made(drawn, wanted), "train"))
    assert Counter({0: 6, 1: 2, 2: 1}) + found == expected


def test_mix_adds_its_share_of_every_class() -> None:
    drawn = [(0, TRAIN)] * 60 + [(1, TRAIN)] * 40 + [(1, TEST)] * 50
    found = made(drawn, counts(mix={"invert": 0.1}))
    assert Counter(drawn[row][0] for row, _ in copies(found, "train", "invert")) == {0: 6, 1: 4}
    assert set(by_split(found)) == {"train"}


def test_stress_sets_and_views_are_splits_of_their_own() -> None:
    drawn = [(0, TRAIN), (0, TEST), (1, TEST), (1, VALIDATION)]
    found = by_split(made(drawn, counts(stress=("inverted", "shifted"), views=2)))
    assert set(found) == {"test-inverted", "test-shifted", "test-views"}
    assert list(copies(found["test-inverted"], "test-inverted", "inverted")) == [(1, 1), (2, 1)]
    assert list(copies(found["test-views"], "test-views")) == [(1, 1), (1, 2), (2, 1), (2, 2)]


@relaxed
@given(rows, amounts, st.randoms(use_true_random=False), st.integers(0, 100))
def test_the_order_of_the_listing_does_not_matter(drawn, wanted, random, seed: int) -> None:
    order = list(range(len(drawn)))
    random.shuffle(order)
    there = {
        (batch.split, batch.recipe, order[parent], copy)
        for batch in made(drawn, wanted, order, seed)
        for parent, copy in zip(batch.parents.tolist(), batch.copies.tolist(), strict=True)
    }
    here = {
        (batch.split, batch.recipe, parent, copy)
        for batch in made(drawn, wanted, None, seed)
        for parent, copy in zip(batch.parents.tolist(), batch.copies.tolist(), strict=True)
    }
    assert here == there


@pytest.mark.parametrize("wanted", [counts(balance="max"), counts(per_class=1000)])
def test_balanced_counts_pass_the_rules_that_the_collection_failed(wanted: AugmentSettings) -> None:
    drawn = [(0, TRAIN)] * 1000 + [(1, TRAIN)] * 90 + [(2, TRAIN)] * 400
    before = Counter(label for label, _ in drawn)
    after = before + Counter(drawn[row][0] for row, _ in copies(made(drawn, wanted), "train"))

    def failed(counts: Counter[int]) -> set[str]:
        images = (Sample(f"{label}/{row}", "", f"{label}") for label in counts for row in range(counts[label]))
        evidence = Evidence("x", SampleTable.of(images), ("0", "1", "2"))
        rules = ClassSize(), ClassBalanceMean(), ClassBalanceMax()
        return {rule.id for rule in rules for finding in rule(evidence) if finding.status == "fail"}

    assert failed(before) == {"class-size", "class-balance-mean", "class-balance-max"}
    assert failed(after) == set()


@given(st.sampled_from(["", "invert", "inverted", "gaussian_noise"]), st.integers(1, 10**6))
def test_names_of_copies_are_read_back(recipe: str, number: int) -> None:
    assert named_copy(copy_name(recipe, number)) == (recipe, number)
