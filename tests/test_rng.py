import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.rng import rng

seeds = st.integers(0, 2**63 - 1)
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def draws(*key: object) -> list[int]:
    return rng(*key).integers(0, 2**63, 4).tolist()  # type: ignore[arg-type]


@settings(deadline=None)
@given(seeds, names, st.integers(0, 1000))
def test_the_same_key_draws_the_same(seed: int, name: str, copy: int) -> None:
    assert draws(seed, name, copy) == draws(seed, name, copy)


@settings(deadline=None)
@given(st.sets(st.tuples(st.integers(0, 30), names, st.integers(0, 30)), min_size=2, max_size=20))
def test_another_seed_name_or_copy_draws_something_else(keys: set[tuple[int, str, int]]) -> None:
    assert len({tuple(draws(*key)) for key in keys}) == len(keys)


def test_drawing_does_not_depend_on_other_draws() -> None:
    wanted = draws(1, "b.jpg")
    np.random.default_rng(0).random(10)
    first = rng(1, "a.jpg")
    first.random(1000)
    assert draws(1, "b.jpg") == wanted


def test_parts_of_a_key_cannot_be_mistaken_for_each_other() -> None:
    assert draws(1, "2\x00x", 0) != draws(1, "x", 2)
    assert draws(11, "a", 0) != draws(1, "a", 10)


def test_names_that_are_no_text_have_their_own_draws() -> None:
    assert draws(1, "\udcff.jpg") != draws(1, "\udcfe.jpg")


def test_the_numbers_are_these_for_ever() -> None:
    raw = rng(101, "apple/0001.jpg", 1).bit_generator.random_raw(2)
    assert raw.tolist() == [4773910466862156555, 1535945608944533282]
