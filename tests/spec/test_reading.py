import contextlib
import json
from math import inf, isnan
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.settings.problems import SpecError
from imgprep.spec import reading
from imgprep.spec.reading import MAX_DEPTH, read, resolve


def refusal(raw: bytes | str) -> tuple[int, str]:
    with pytest.raises(SpecError) as caught:
        read(raw if isinstance(raw, bytes) else raw.encode())
    (problem,) = caught.value.problems
    return problem.line, problem.text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[
            (word, word)
            for word in ("no", "No", "yes", "on", "OFF", "y", "n", "1:30", "2026-01-31", "1_000", "0b1", "=")
        ],
        *[("true", True), ("True", True), ("TRUE", True), ("false", False), ("tRUE", "tRUE")],
        *[("null", None), ("Null", None), ("NULL", None), ("~", None), ("", None), ("None", "None")],
        *[("012", 12), ("-7", -7), ("+7", 7), ("0o17", 15), ("0x1f", 31), ("-0x1", "-0x1")],
        *[
            ("1.", 1.0),
            (".5", 0.5),
            ("1e3", 1000.0),
            ("-2.5E-1", -0.25),
            (".inf", inf),
            ("-.INF", -inf),
            ("1e999", inf),
        ],
        *[("١٢", "١٢"), ("1.2.3", "1.2.3"), (".", "."), ("e3", "e3"), (".nAn", ".nAn")],
    ],
)
def test_plain_scalars_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    result = resolve(text)

    assert result == value
    assert type(result) is type(value)


def test_not_a_number_is_one() -> None:
    assert isnan(float(str(resolve(".NaN"))))


def test_every_key_and_item_has_its_line() -> None:
    document = read(b"a: 1\n\nb:\n  - x\n  - c:\n      d\n'e': [1,\n 2]\n")

    assert document.data == {"a": 1, "b": ["x", {"c": "d"}], "e": [1, 2]}
    assert document.lines == {
        (): 1,
        ("a",): 1,
        ("b",): 3,
        ("b", 0): 4,
        ("b", 1): 5,
        ("b", 1, "c"): 5,
        ("e",): 7,
        ("e", 0): 7,
        ("e", 1): 8,
    }


@pytest.mark.parametrize(
    ("raw", "data"),
    [
        (b"", None),
        (b"# nothing\n", None),
        (b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        (b"--- \na: 'no'\n...\n", {"a": "no"}),
        (b"no: 1\n007: 2\n1.50: 3\n~: 4\n", {"no": 1, "007": 2, "1.50": 3, "~": 4}),
        (b"'<<': 1", {"<<": 1}),
        (b"a: &x [1, {b: 2}]\nc: *x\nd: *x\n", {"a": [1, {"b": 2}], "c": [1, {"b": 2}], "d": [1, {"b": 2}]}),
        (
            b'{\n\t"a":1,"b":[true,null],\n\t"c": "x\\/\\ud83d\\ude00"}',
            {"a": 1, "b": [True, None], "c": "x/\U0001f600"},
        ),
        (b'{"a": "\\\\ud83d\\\\ude00"}', {"a": "\\ud83d\\ude00"}),
    ],
)
def test_reads(raw: bytes, data: object) -> None:
    document = read(raw)

    assert document.data == data
    assert not document.problems


def test_what_aliases_share_in_the_text_is_not_shared_in_the_data() -> None:
    data = read(b"a: &x [1]\nb: *x\n").data
    data["a"].append(2)

    assert data == {"a": [1, 2], "b": [1]}


@pytest.mark.parametrize(
    ("raw", "line", "text"),
    [
        ("a: 1\n".encode("utf-16"), 1, "is UTF-16 or UTF-32, not UTF-8; save it as UTF-8"),
        ("a: 1\n".encode("utf-16-le"), 1, "is UTF-16 or UTF-32, not UTF-8; save it as UTF-8"),
        ("a: 1\nb: né".encode("latin-1"), 2, "byte 0xe9 is not UTF-8, perhaps Latin-1; save the file as UTF-8"),
        (b"a:\n\t- b", 2, "is not YAML: a tab in the indentation; use spaces"),
        (b"a: b: c", 1, "is not YAML: a colon where none is allowed; check the indentation, and quote text"),
        (b"a:\n  b: @x", 2, "is not YAML: text cannot begin with this character; put it in quotes"),
        (b"a: 1\nb: 'x", 2, "is not YAML: found unexpected end of stream while scanning a quoted scalar that begins"),
        (b"a: [1, 2", 2, "is not YAML: "),
        (b"a: 1\nb: \x01", 2, "is not YAML: "),
        (b'{"a": "\\ud800"}', 1, "is not YAML: "),
        (b"a: 1\n---\nb: 2", 2, "begins a second document; a spec is one document, remove the '---'"),
        (b"a: &x\n  b: *x", 2, "refers to *x inside itself; write the value out"),
        (b"a: *x", 1, "refers to *x, which is not defined above"),
        (b"a: 1\n<<: {b: 1}", 2, "merge keys (<<) are not supported; write the keys out"),
        (b"? [a]\n: 1", 1, "has a key that is not plain text; use text as keys"),
        (b"a: &x b\n*x : 1", 2, "has a key that is not plain text; use text as keys"),
        (b"!!str a: 1", 1, "key 'a': has the tag 'tag:yaml.org,2002:str'; tags are not supported, remove it"),
        (b"[" * 200_000, 1, f"is nested deeper than {MAX_DEPTH} levels; a spec is flat"),
        (b"\n".join(b" " * n + b"a:" for n in range(100)), MAX_DEPTH + 1, f"is nested deeper than {MAX_DEPTH} levels"),
        (b"#" * (2**24 + 1), 0, "is larger than 16 MiB; a spec is a short text"),
    ],
)
def test_refuses(raw: bytes, line: int, text: str) -> None:
    at, said = refusal(raw)

    assert said.startswith(text)
    assert at == line
    assert "\n" not in said


def test_aliases_that_multiply_are_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]

    assert refusal("\n".join(lines))[1] == "grows too large when its aliases are written out; use fewer"


@pytest.mark.parametrize("raw", [b"[" + b"x, " * 5000 + b"]", b"a: &a b\nc: [" + b"*a, " * 5000 + b"]"])
def test_values_beyond_number_are_refused_before_they_are_all_read(monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    monkeypatch.setattr(reading, "MAX_VALUES", 100)
    # Nobody gets to the end of the list: its second half is no YAML.
    assert refusal(raw + b"\n@")[1] == "holds more than 100 values; a spec is a short text"


@pytest.mark.parametrize(
    ("raw", "keys", "line", "text"),
    [
        (b"a: 1\nb: 2\na: 3", ("a",), 3, "is given twice, first on line 1; keep one"),
        (b'{"a": {"b": 1,\n"b": 2}}', ("a", "b"), 2, "is given twice, first on line 1; keep one"),
        (
            b"a: !!python/object:os.system x",
            ("a",),
            1,
            "has the tag 'tag:yaml.org,2002:python/object:os.system'; tags are not supported, remove it",
        ),
        (b"a: ! b", ("a",), 1, "has the tag '!'; tags are not supported, remove it"),
        (b"a: !!map {}", ("a",), 1, "has the tag 'tag:yaml.org,2002:map'; tags are not supported, remove it"),
        (b"a: " + b"9" * 5000, ("a",), 1, "a number of 5000 characters is too long; put it in quotes if it is text"),
    ],
)
def test_goes_on_past_what_is_wrong_with_one_value(raw: bytes, keys: Any, line: int, text: str) -> None:
    assert read(raw).problems == [(keys, text, line)]


def test_reads_the_same_without_the_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = b"a: [1, no, 'x']\nb: {c: ~}\nd: |\n  text\n"
    expected = read(raw)
    monkeypatch.setattr(reading, "_LOADER", yaml.SafeLoader)

    assert read(raw) == expected
    assert refusal(b"a: [1")[1].startswith("is not YAML: ")
    assert refusal(b"a: 1\nb: \x01") == (2, "is not YAML: special characters are not allowed; remove the character")


# A key in YAML has at most 1024 characters, escapes included.
KEY = st.text(max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEY, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(KEY, JSON, max_size=4), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_json_is_yaml(data: dict[str, Any], indent: Any, ascii_only: bool) -> None:
    # Raw control characters beyond ASCII are legal in JSON and not in YAML: those two forms differ there.
    text = json.dumps(
        data, indent=indent, ensure_ascii=ascii_only or not json.dumps(data, ensure_ascii=False).isprintable()
    )
    if "Infinity" not in text:
        assert read(text.encode()).data == data


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet="ab:-[]{}&*!|>'\"#, \n\t?%<~0.", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused_in_one_line(raw: bytes) -> None:
    problems: tuple[Any, ...] = ()
    with contextlib.suppress(SpecError):
        problems = (SimpleNamespace(text="", line=read(raw).lines[()]),)
    if not problems:
        with pytest.raises(SpecError) as caught:
            read(raw)
        problems = caught.value.problems

    assert all("\n" not in problem.text and problem.line >= 0 for problem in problems)
