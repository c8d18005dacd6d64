from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from imgprep.errors import RequestError
from imgprep.stages.augment.donors import DonorPool, share_of
from imgprep.stages.split.allocate import keys


def by(ids: list[str]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda rows: keys([ids[row] for row in rows], 1)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), min_size=2, max_size=40), st.floats(0, 0.999)
)
def test_a_donor_is_a_member_of_another_class(images: list[tuple[int, bool, bool]], share: float) -> None:
    labels, members, known = (np.array(column) for column in zip(*images, strict=True))
    chosen = np.flatnonzero(members & known)
    assume(len(set(labels[chosen].tolist())) > 1)
    pool = DonorPool.of(members, known, labels, by([f"{row}" for row in range(len(labels))]))
    for label in range(int(labels.max()) + 1):
        donor = pool.donor(label, share)
        assert donor in chosen
        assert labels[donor] != label


def test_every_other_image_is_as_likely_and_the_order_of_the_listing_says_nothing() -> None:
    labels, ids = np.array([0, 1, 2, 1, 2, 0, 2]), list("abcdefg")
    everyone = np.ones(7, bool)
    pool = DonorPool.of(everyone, everyone, labels, by(ids))
    shares = (np.arange(700) + 0.5) / 700
    for label in (0, 1, 2):
        donors = [pool.donor(label, share) for share in shares]
        found = dict(zip(*np.unique(donors, return_counts=True), strict=True))
        assert set(found) == set(np.flatnonzero(labels != label).tolist())
        assert max(found.values()) - min(found.values()) <= 1
    back = DonorPool.of(everyone, everyone, labels[::-1], by(ids[::-1]))
    for share in shares[::50]:
        assert ids[pool.donor(1, share)] == ids[::-1][back.donor(1, share)]


def test_what_decides_is_the_seed_the_parent_the_recipe_and_the_copy() -> None:
    one = share_of(1, "a", "background", 1)
    assert one == share_of(1, "a", "background", 1)
    others = [share_of(2, "a", "background", 1), share_of(1, "b", "background", 1), share_of(1, "a", "background", 2)]
    assert len({one, *others}) == 4


def test_too_few_masks_are_refused() -> None:
    labels, everyone = np.array([0, 0, 1]), np.ones(3, bool)
    with pytest.raises(RequestError, match="none of the 3 test images has a mask"):
        DonorPool.of(everyone, ~everyone, labels, by(list("abc")))
    with pytest.raises(RequestError, match="the 2 test images with a mask are all of one class"):
        DonorPool.of(everyone, np.array([True, True, False]), labels, by(list("abc")))
