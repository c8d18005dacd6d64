import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgprep.sources.junk import JUNK_NAMES, JUNK_SUFFIXES, all_images, junk

STEMS = st.text("aB.1", min_size=1, max_size=4) | st.sampled_from([*JUNK_NAMES, "README", ".hidden"])
ENDS = st.sampled_from(["", ".jpg", ".PNG", ".", ".x", *sorted(JUNK_SUFFIXES), ".TXT"])
NAMES = st.tuples(STEMS, ENDS).map("".join)


@given(st.lists(NAMES, max_size=4))
def test_many_names_are_judged_as_one_by_one(names: list[str]) -> None:
    if all_images(names):
        assert not any(map(junk, names))
    if any(map(junk, names)):
        assert not all_images(names)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["1.jpg", "b.c.png", "x."], True),
        ([], True),
        (["1.jpg", ".b.jpg"], False),
        (["1.jpg", "b.TXT"], False),
        (["1.jpg", "README"], False),
    ],
)
def test_all_images(names: list[str], expected: bool) -> None:
    assert all_images(names) is expected
