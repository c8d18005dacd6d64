"""The JSON Schema of the whole spec, with every source, step, transform and rule, for editors."""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any, Final, get_args, get_type_hints

from pydantic import BaseModel

from imgprep.checks.waivers import Waiver
from imgprep.settings.binding import adapter_of, required
from imgprep.settings.fields import NAMES, TABLE
from imgprep.settings.tables import Tables
from imgprep.spec.class_list import SCHEMA as CLASSES
from imgprep.spec.collection import MaskColumn
from imgprep.spec.installed import INSTALLED
from imgprep.spec.sections import Spec, spec_type
from imgprep.spec.split_names import SCHEMA as SPLIT_NAMES
from imgprep.stages import STAGES

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
JsonSchema = dict[str, Any]

_CUSTOM_RULE: Final = r"^[^:]+:[^:]+$"


def json_schema(tables: Tables = INSTALLED) -> JsonSchema:
    """The JSON Schema (draft 2020-12) of a spec file.

    Args:
        tables: of the families.
    """
    stages = tuple(STAGES.values())
    spec = spec_type(stages)
    schema = spec.model_json_schema()
    definitions: JsonSchema = schema.pop("$defs")
    for model in _models(spec):
        _document(definitions[model.__name__], model)
    definitions["sources"] = {"oneOf": [_source(name, cls, definitions) for name, cls in tables.sources.items()]}
    for name in ("steps", "transforms", "stress"):
        definitions[name] = _entries(getattr(tables, name), name, definitions)
    definitions["rules"] = _rules(tables.rules, definitions)
    definitions["waiver"] = _options(Waiver, "waiver", definitions)
    _document(schema, Spec)
    for stage in stages:
        schema["properties"][stage.name] |= {"title": None, "description": stage.about}
        schema["properties"][stage.name].pop("title")
    for name, inner in schema["properties"].items():
        if "$ref" in inner and name != "source":
            schema["properties"][name] = {"anyOf": [{"$ref": inner.pop("$ref")}, {"type": "null"}], **inner}
    whole = {"$schema": DIALECT, "title": "imgprep spec", **schema, "$defs": definitions}
    filled: JsonSchema = _filled(whole, tables)
    return filled


def _models(hint: Any) -> Iterator[type[BaseModel]]:
    """The models that a type holds, however deep."""
    inner = list(get_args(hint))
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        inner = [field.annotation for field in hint.model_fields.values()]
    for part in inner:
        if isinstance(part, type) and issubclass(part, BaseModel):
            yield part
        yield from _models(part)


def attribute_docs(cls: type) -> dict[str, str]:
    """Returns the ``Attributes:`` of the docstrings of a class and its bases, each on one line."""
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        text = inspect.cleandoc(base.__dict__.get("__doc__") or "")
        _, _, section = text.partition("\nAttributes:\n")
        section = re.split(r"\n(?=\S)", section)[0]
        for name, doc in re.findall(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", section, re.MULTILINE):
            docs[name] = " ".join(doc.split())
    return docs


def _document(schema: JsonSchema, cls: type) -> JsonSchema:
    """Describes a schema and its properties in the words of the docstrings, instead of generated titles."""
    schema.pop("title", None)
    schema.pop("description", None)
    summary = inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0]
    # Dataclasses without a docstring have one generated that shows the signature.
    if summary and not summary.startswith(f"{cls.__name__}("):
        schema["description"] = " ".join(summary.split())
    docs = attribute_docs(cls)
    names = {key: name for name, key in getattr(cls, "spec_keys", {}).items()}
    if issubclass(cls, BaseModel):
        names |= {field.alias or name: name for name, field in cls.model_fields.items()}
    for key, inner in schema.get("properties", {}).items():
        inner.pop("title", None)
        doc = docs.get(names.get(key, key))
        if doc:
            inner["description"] = doc
    return schema


def _options(cls: type, place: str, definitions: JsonSchema) -> JsonSchema:
    """The schema of a dataclass; dataclasses in it become definitions under a name of their own."""
    schema = adapter_of(cls).json_schema(ref_template=f"#/$defs/{place}.{{model}}")
    parts: dict[str, Any] = {part.__name__: part for part in _dataclasses(get_type_hints(cls).values())}
    for name, inner in schema.pop("$defs", {}).items():
        definitions[f"{place}.{name}"] = _document(inner | {"additionalProperties": False}, parts[name])
    return _document(schema | {"additionalProperties": False}, cls)


def _dataclasses(hints: Iterable[Any]) -> Iterator[Any]:
    """The dataclasses that types name, however deep."""
    for hint in hints:
        if is_dataclass(hint):
            yield hint
            yield from _dataclasses(get_type_hints(hint).values())
        yield from _dataclasses(get_args(hint))


def _source(name: str, cls: Any, definitions: JsonSchema) -> JsonSchema:
    schema = _options(cls, f"source.{name}", definitions)
    attributes = {
        "anyOf": [{"type": "string", "minLength": 1}, {"type": "null"}],
        "default": None,
        "description": "a table with columns about images, joined on id or location",
    }
    decisions = attributes | {"description": "a table of images to leave out, to label anew or to keep"}
    column = _options(MaskColumn, "source", definitions)
    masks = {
        "anyOf": [
            column if getattr(cls, "holds_arrays", False) else {"anyOf": [{"const": "alpha"}, column]},
            {"type": "null"},
        ],
        "default": None,
        "description": "where the mask of each image is: its alpha channel, or a file that a column names",
    }
    own = {"layout": {"const": name}, **schema.get("properties", {})}
    tables = {"attributes": attributes, "decisions": decisions}
    shared = {"classes": dict(CLASSES), **tables, "splits": dict(SPLIT_NAMES), "masks": masks}
    schema["properties"] = {**own, **shared}
    schema["required"] = ["layout", *schema.get("required", [])]
    return schema


def _entries(table: Mapping[str, type], place: str, definitions: JsonSchema) -> JsonSchema:
    """One entry of a list: a name alone, or a name with options."""
    forms: list[JsonSchema] = []
    alone = [name for name, cls in table.items() if not required(cls)]
    if alone:
        forms.append({"enum": alone})
    for name, cls in table.items():
        options = [_options(cls, f"{place}.{name}", definitions)]
        if getattr(cls, "nested", ()):
            options.append({"type": "array", "items": {TABLE: "transforms"}})
        if not required(cls):
            options.append({"type": "null"})
        inner = options[0] if len(options) == 1 else {"anyOf": options}
        forms.append({"type": "object", "properties": {name: inner}, "required": [name], "additionalProperties": False})
    return {"anyOf": forms}


def _rules(table: Mapping[str, type], definitions: JsonSchema) -> JsonSchema:
    rules = {name: _options(cls, f"rule.{name}", definitions) for name, cls in table.items()}
    properties = {name: {"anyOf": [schema, {"type": "null"}]} for name, schema in rules.items()}
    return {
        "type": ["object", "null"],
        "properties": properties,
        "patternProperties": {_CUSTOM_RULE: {"type": ["object", "null"]}},
        "additionalProperties": False,
    }


def _filled(schema: Any, tables: Tables) -> Any:
    """Puts references and names in the place of what stands for a table."""
    if isinstance(schema, list):
        return [_filled(item, tables) for item in schema]
    if not isinstance(schema, dict):
        return schema
    filled = {key: _filled(value, tables) for key, value in schema.items() if key not in {TABLE, NAMES}}
    if TABLE in schema:
        filled["$ref"] = f"#/$defs/{schema[TABLE]}"
    if NAMES in schema:
        filled["enum"] = list(getattr(tables, schema[NAMES]))
    return filled
