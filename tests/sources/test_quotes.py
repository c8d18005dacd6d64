import ast
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgprep.sources.quotes import double_quoted

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="ascii", min_codepoint=32), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab'\" \\", max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_what_python_prints_is_read_as_python_reads_it(value: object) -> None:
    printed = repr(value).replace("\\x7f", "")
    assert json.loads(double_quoted(printed)) == ast.literal_eval(printed)


@given(VALUES)
def test_json_stays_as_it_is(value: object) -> None:
    assert double_quoted(json.dumps(value)) == json.dumps(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            "{'label': 'cat', 'location': 'cats_n_dogs/cat/1.jpg' }",
            {"label": "cat", "location": "cats_n_dogs/cat/1.jpg"},
        ),
        ("{'a': 'it''s'}", {"a": "it's"}),
        ("{'a': '', 'b': ''''}", {"a": "", "b": "'"}),
        ("['None', None, \"True\", True]", ["None", None, "True", True]),
        ("['\\u00e9\\n']", ["é\n"]),
    ],
)
def test_single_quotes(text: str, value: object) -> None:
    assert json.loads(double_quoted(text)) == value


@pytest.mark.parametrize("text", ["['a]", "['a''']'", "[''']", "['a' 'b']", "[Nonesuch]", "['\\x41']", "[str('a')]"])
def test_what_is_no_json_but_for_the_quotes_stays_none(text: str) -> None:
    with pytest.raises(ValueError, match="char"):
        json.loads(double_quoted(text))


def test_many_quotes_take_no_time() -> None:
    begin = time.process_time()
    double_quoted("'" * 1_000_001)
    double_quoted("\\'" * 500_000)
    assert time.process_time() - begin < 5
