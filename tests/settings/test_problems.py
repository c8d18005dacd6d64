import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.settings.problems import Problem, SpecError, dotted, shown, suggestion, unknown, wrong


def test_problems_are_seen_from_further_up() -> None:
    assert Problem(("b", 0), "is odd", 3).under(("a",)) == Problem(("a", "b", 0), "is odd", 3)


def test_an_error_carries_its_problems() -> None:
    error = SpecError([Problem(("a", 1), "is odd"), Problem((), "is empty")])

    assert [problem.text for problem in error.problems] == ["is odd", "is empty"]
    assert str(error) == "a.1: is odd; : is empty"
    assert wrong("is odd", "a").problems == (Problem(("a",), "is odd"),)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        ("a\nb", r"'a\\nb'"),
        ({"a": [1, {"b": {}}]}, "{a: [1, {b: ...}]}"),
        ((), "[]"),
    ],
)
def test_values_are_shown_as_yaml(value: object, text: str) -> None:
    assert shown(value).replace("\\\\n", "\\n") == text.replace("\\\\n", "\\n")


@settings(deadline=None, max_examples=50)
@given(
    st.recursive(
        st.text() | st.integers(),
        lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(), x, max_size=3),
        max_leaves=9,
    )
)
def test_what_is_shown_is_one_short_line(value: object) -> None:
    text = shown(value)

    assert len(text) <= 48
    assert text.isprintable()


def test_the_nearest_word_is_suggested() -> None:
    assert suggestion("zoom_", ["zoom", "room"]) == "did you mean 'zoom'?"
    assert suggestion("flip", ["zoom", "room"]) == ""
    assert unknown("step", 5, []) == "unknown step 5; nothing is known here"
    assert dotted(()) == ""
