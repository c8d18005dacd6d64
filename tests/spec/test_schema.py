import copy
import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from imgprep.errors import RequestError
from imgprep.settings.tables import Tables
from imgprep.spec.installed import INSTALLED
from imgprep.spec.loading import spec_from_mapping
from imgprep.spec.reading import read
from imgprep.spec.schema import attribute_docs, json_schema

TOP: dict[str, Any] = {"source": {"layout": "directory", "path": "x"}, "output": "out"}
GOOD: list[dict[str, Any]] = [
    {},
    {"name": "a", "seed": 3, "audit": None, "convert": None, "split": None, "pack": None, "execution": None},
    {"source": {"layout": "csv", "path": "x", "label": "y", "attributes": "a.csv"}},
    {"audit": {"rules": None}},
    {"audit": {"rules": {"class-size": {"min": 3, "severity": "off"}, "label-errors": {"bands": {"low": 1}}}}},
    {"audit": {"waivers": [{"rule": "class-size", "class": "x", "reason": "y", "until": "2026-12-31"}]}},
    {"convert": {"size": [1, 65500], "alpha": [0, 0, 255], "depth": 16, "shard_size": "1.5 MiB"}},
    {"convert": {"size": None, "alpha": "black", "depth": "keep", "shard_size": 1}},
    {
        "convert": {
            "steps": ["invert", {"invert": None}, {"clahe": {}}, {"clahe": {"clip": 1, "tiles": [1, 2]}}, "clahe"]
        }
    },
    {"split": {"test": 3, "validation": 0.5, "method": None, "group": "a+", "fraction": 1}},
    {"split": {"test": {"from": "x"}, "validation": None, "method": "hash"}},
    {"augment": None},
    {"augment": {"stress": ["inverted", {"shifted": {"x": [1, 2]}}], "mix": {"flip": 0.5}}},
    {"augment": {"balance": "max", "transforms": [{"zoom": {"factor": [1, 2]}}]}},
    {"augment": {"balance": 5, "transforms": [{"one_of": ["flip"]}, {"some_of": {"n": 1, "of": [{"flip": None}]}}]}},
    {"pack": {"normalize": {"standardize": "pixel"}, "shuffle": False, "format": "npz", "compression": "gzip"}},
    {"execution": {"workers": 1, "item_timeout": 0.5, "memory_limit": "2 GiB", "max_quarantined": 1}},
]
BAD: list[dict[str, Any]] = [
    {"name": ""},
    {"seed": -1},
    {"seed": None},
    {"nam": "x"},
    {"output": 5},
    {"output": ""},
    {"source": None},
    {"source": {"layout": "csv"}},
    {"source": {"path": "x"}},
    {"source": {"layout": "zip", "path": "x"}},
    {"source": {"layout": "directory", "path": "x", "label": "y"}},
    {"audit": {"rules": {"zzz": {}}}},
    {"audit": {"rules": {"class-size": {"min": -1}}}},
    {"audit": {"rules": {"label-errors": {"bands": {"high": 1}}}}},
    {"audit": {"rules": []}},
    {"audit": {"waivers": [{"rule": "class-size"}]}},
    {"audit": {"waivers": [{"rule": "class-size", "reason": "y", "subject": "x"}]}},
    {"convert": {"size": [0, 1]}},
    {"convert": {"size": [1]}},
    {"convert": {"size": 5}},
    {"convert": {"depth": "8"}},
    {"convert": {"alpha": [1, 2]}},
    {"convert": {"shard_size": "5 apples"}},
    {"convert": {"steps": ["flip"]}},
    {"convert": {"steps": [{"clahe": {"clip": 0}}]}},
    {"convert": {"steps": [{"clahe": None, "invert": None}]}},
    {"convert": {"steps": "invert"}},
    {"convert": {"format": "tfrecord"}},
    {"split": {"test": 1.5}},
    {"split": {"test": {"form": "x"}}},
    {"split": {"folds": 1}},
    {"split": {"fraction": 0}},
    {"augment": {"stress": ["flip"]}},
    {"augment": {"mix": {"flip": 0}}},
    {"augment": {"mix": {"zzz": 0.1}}},
    {"augment": {"per_image": 1, "transforms": ["zoom"]}},
    {"augment": {"per_image": 1, "transforms": [{"one_of": ["zzz"]}]}},
    {"augment": {"per_image": 1, "transforms": [{"flip": {"horizontal": 2}}]}},
    {"pack": {"normalize": "standardize"}},
    {"pack": {"shuffle": "yes"}},
    {"execution": {"engine": "spark"}},
    {"execution": {"workers": 0}},
    {"execution": {"max_quarantined": 1.5}},
]


def accepted(data: Any, tables: Tables) -> bool:
    try:
        spec_from_mapping(data, tables=tables)
    except RequestError:
        return False
    return True


@pytest.fixture(scope="module")
def validator(stand_ins: Tables) -> Draft202012Validator:
    return Draft202012Validator(json_schema(stand_ins))


@pytest.mark.parametrize("part", GOOD, ids=json.dumps)
def test_schema_and_parser_take_what_is_right(part: Any, validator: Draft202012Validator, tables: Tables) -> None:
    assert [error.message for error in validator.iter_errors(TOP | part)] == []
    assert accepted(TOP | part, tables)


@pytest.mark.parametrize("part", BAD, ids=json.dumps)
def test_schema_and_parser_refuse_what_is_wrong(part: Any, validator: Draft202012Validator, tables: Tables) -> None:
    assert not validator.is_valid(TOP | part)
    assert not accepted(TOP | part, tables)


SCALARS = st.sampled_from([None, True, 0, 1, -1, 3, 0.5, 2.5, "", "x", "auto", "rgb", "pad", "none", [], [1, 2], {}])


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_they_agree_on_any_value_in_any_place(data: Any, validator: Draft202012Validator, stand_ins: Tables) -> None:
    spec = copy.deepcopy(TOP | data.draw(st.sampled_from(GOOD)))
    section = data.draw(st.sampled_from(sorted(name for name, value in spec.items() if isinstance(value, dict))))
    definitions = validator.schema["$defs"]
    definition = next(
        name for name in (f"{section.title()}Settings", f"{section.title()}Section", "sources") if name in definitions
    )
    known = definitions[definition].get("properties", {"path": 0, "level": 0, "layout": 0})
    # These two are judged against each other, which a schema does not say.
    key = data.draw(st.sampled_from(sorted(set(known) - {"compression", "group"})))
    spec[section][key] = data.draw(SCALARS)

    if accepted(spec, stand_ins):
        assert [error.message for error in validator.iter_errors(spec)] == []


def test_the_schema_is_one(validator: Draft202012Validator) -> None:
    Draft202012Validator.check_schema(validator.schema)
    text = json.dumps(validator.schema)
    assert "$table" not in text
    assert "$names" not in text
    assert validator.schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_everything_is_described(validator: Draft202012Validator) -> None:
    definitions = validator.schema["$defs"]

    for name in [name for name in definitions if name.endswith(("Section", "Settings"))]:
        for key, schema in definitions[name]["properties"].items():
            assert schema.get("description"), f"{name}.{key}"
    assert (
        definitions["rules"]["properties"]["class-size"]["anyOf"][0]["properties"]["min"]["description"] == "how many."
    )
    clahe = definitions["steps"]["anyOf"][2]["properties"]["clahe"]["anyOf"][0]
    assert clahe["description"] == "Local contrast."
    assert clahe["properties"]["clip"] == {
        "default": 2.0,
        "exclusiveMinimum": 0,
        "type": "number",
        "description": "of the histogram.",
    }


def test_what_yaml_gives_is_valid(validator: Draft202012Validator) -> None:
    text = b"source: {layout: directory, path: x}\noutput: out\nsplit: {group: no}\n"

    assert validator.is_valid(read(text).data)


def test_docs_of_attributes_come_from_all_bases() -> None:
    class Base:
        """Base.

        Attributes:
            first: one,
                on two lines.
            second: two: with a colon.
        """

    @dataclass
    class Derived(Base):
        """Derived.

        Attributes:
            second: another.

        Raises:
            third: is none.
        """

    assert attribute_docs(Derived) == {"first": "one, on two lines.", "second": "another."}
    assert attribute_docs(int) == {}


def test_the_real_tables_have_a_schema_and_every_name_in_it() -> None:
    schema = json_schema()

    Draft202012Validator.check_schema(schema)
    definitions = schema["$defs"]
    assert [source["properties"]["layout"]["const"] for source in definitions["sources"]["oneOf"]] == list(
        INSTALLED.sources
    )
    assert list(definitions["rules"]["properties"]) == list(INSTALLED.rules)
    for table in ("steps", "transforms", "stress"):
        forms = [next(iter(form["properties"])) for form in definitions[table]["anyOf"] if "properties" in form]
        assert forms == list(getattr(INSTALLED, table))
    assert json.loads(json.dumps(schema)) == schema
