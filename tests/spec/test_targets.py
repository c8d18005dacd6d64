"""The section `targets` of a spec."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from imgprep.errors import RequestError
from imgprep.settings.problems import SpecError
from imgprep.spec.loading import load_spec
from imgprep.spec.schema import json_schema
from imgprep.spec.targets import parse_targets
from imgprep.table.targets import Target

LONG: dict[str, Any] = {
    "state": {"category": "condition", "classes": ["bad", "good"], "missing": "ignore"},
    "words": {"many": "keywords", "separator": ";"},
    "kinds": {"many": ["is_cat", "is_dog"]},
    "cost": {"number": "price"},
}


def test_a_kind_alone_means_the_column_of_that_name() -> None:
    assert parse_targets({"condition": "category", "price": "number", "tags": "many"}) == {
        "condition": Target("condition", "category", ("condition",)),
        "price": Target("price", "number", ("price",)),
        "tags": Target("tags", "many", ("tags",)),
    }
    assert parse_targets(None) == {}


def test_the_long_form_names_columns_and_options() -> None:
    assert parse_targets(LONG) == {
        "state": Target("state", "category", ("condition",), classes=("bad", "good"), ignore_missing=True),
        "words": Target("words", "many", ("keywords",), ";"),
        "kinds": Target("kinds", "many", ("is_cat", "is_dog")),
        "cost": Target("cost", "number", ("price",)),
    }


WRONG: list[tuple[Any, str]] = [
    ({"price": "numbr"}, "price: unknown kind 'numbr'; did you mean 'number'?"),
    ({"price": 3}, "price: expected category, number or many"),
    ({"price": {"column": "x"}}, "price: expected category, number or many, or {category: COLUMN}"),
    ({"a": {"category": "x", "number": "y"}}, "a: expected category, number or many"),
    ({"a": {"number": "x", "separator": ";"}}, "a.separator: unknown key 'separator'"),
    ({"a": {"category": "x", "missng": "ignore"}}, "a.missng: unknown key 'missng'; did you mean 'missing'?"),
    ({"a": {"category": "x", "missing": 0}}, "a.missing: expected ignore, not 0"),
    ({"a": {"category": ["x", "y"]}}, "a.category: expected the name of a column"),
    ({"a": {"many": ["x"]}}, "a.many: expected the names of two or more columns"),
    ({"a": {"many": ["x", "x"]}}, "a.many: expected the names of two or more columns"),
    ({"a": {"many": "x", "separator": ""}}, "a.separator: expected a text"),
    ({"a": {"many": ["x", "y"], "classes": ["z"]}}, "a.classes: names 1 classes for 2 columns"),
    ({"a b": "number"}, "a b: a target cannot be called 'a b'"),
    ({"a/b": "number"}, "cannot be called 'a/b'"),
    ({2: "number"}, "2: a target cannot be called 2"),
    ({"price": "number", "Price": "number"}, "Price: Price and price differ in case only"),
    (["price"], "expected names of targets and their kinds"),
]


@pytest.mark.parametrize(("value", "message"), WRONG)
def test_what_is_no_target_is_refused(value: Any, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_targets(value)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["image", "label", "id", "parent", "checksum", "mask", "feature", "Label", "x", "y"])
def test_a_name_that_an_array_has_is_refused(name: str) -> None:
    with pytest.raises(SpecError, match=f"{name} is an array of every dataset; give it another name"):
        parse_targets({name: "category"})


def test_everything_that_is_wrong_is_told_with_its_line(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text("source: {layout: csv, path: t.csv}\noutput: out\ntargets:\n  image: number\n  a:\n    many: 3\n")
    with pytest.raises(RequestError) as caught:
        load_spec(spec)
    assert [line.split(": ")[0].rpartition("/")[2] for line in str(caught.value).splitlines()] == [
        "spec.yaml:4", "spec.yaml:6",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("targets", "valid"),
    [
        (LONG, True),
        ({"price": "number"}, True),
        (None, True),
        ({"price": "numbr"}, False),
        ({"image": "number"}, False),
        ({"a": {"number": "x", "separator": ";"}}, False),
    ],
)
def test_the_schema_knows_targets(targets: Any, valid: bool) -> None:
    spec = {"source": {"layout": "csv", "path": "t.csv"}, "output": "out", "targets": targets}
    assert jsonschema.Draft202012Validator(json_schema()).is_valid(spec) is valid
