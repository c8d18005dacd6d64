from hypothesis import given
from hypothesis import strategies as st

from imgprep.commands.listing_notes import folders_of

NAMES = st.lists(st.sampled_from(["a", "b", "ab", "a.png"]), min_size=1, max_size=4).map("/".join)


@given(st.lists(NAMES))
def test_folders_are_those_of_each_file(ids: list[str]) -> None:
    assert folders_of(ids) == {id_.rpartition("/")[0] for id_ in ids}
