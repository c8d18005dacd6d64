"""The section `targets`: further answers about each image, from columns of the tables."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import PlainValidator, WithJsonSchema

from imgprep.settings.problems import Problem, SpecError, shown, unknown, wrong
from imgprep.spec.class_list import SCHEMA as CLASSES
from imgprep.spec.class_list import parse_classes
from imgprep.table.targets import KINDS, RESERVED, SEPARATOR, Kind, Target

_NAME: Final = re.compile(r"[^\W\d][\w.-]*")
_OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "category": ("classes", "missing"),
    "number": (),
    "many": ("classes", "separator"),
}
_EXPECTED: Final = "expected category, number or many, or {category: COLUMN}"
_COLUMN: Final = {"type": "string", "minLength": 1}


def _option_schema(kind: Kind) -> dict[str, Any]:
    several = {"anyOf": [_COLUMN, {"type": "array", "items": _COLUMN, "minItems": 2, "uniqueItems": True}]}
    every: dict[str, Any] = {
        "classes": dict(CLASSES) | {"description": "every class in index order; left out: those that are found"},
        "missing": {"const": "ignore", "description": "allow images without a value; their index is the largest"},
        "separator": {"type": "string", "minLength": 1, "default": SEPARATOR, "description": "between tags in a cell"},
    }
    return {
        "type": "object",
        "properties": {kind: several if kind == "many" else _COLUMN, **{name: every[name] for name in _OPTIONS[kind]}},
        "required": [kind],
        "additionalProperties": False,
    }


SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [
        {
            "type": "object",
            "propertyNames": {"not": {"enum": sorted(RESERVED)}},
            "additionalProperties": {"anyOf": [{"enum": [*KINDS]}, *map(_option_schema, KINDS)]},
        },
        {"type": "null"},
    ],
    "default": {},
}


def parse_targets(value: object) -> dict[str, Target]:
    """Makes the targets of a spec, by name.

    Raises:
        SpecError: everything that is wrong, keys relative to the section.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise wrong(f"expected names of targets and their kinds, such as {{price: number}}, not {shown(value)}")
    made: dict[str, Target] = {}
    found: list[Problem] = []
    for key, options in value.items():
        try:
            name = _name(key, made)
            made[name] = options if isinstance(options, Target) else _target(name, options)
        except SpecError as problems:
            found += [problem.under((str(key),)) for problem in problems.problems]
    if found:
        raise SpecError(found)
    return made


def _name(key: object, others: Mapping[str, Target]) -> str:
    """The name of an array that shards do not have yet."""
    if not isinstance(key, str) or not _NAME.fullmatch(key):
        raise wrong(
            f"a target cannot be called {shown(key)}; begin with a letter, go on with letters and digits, _ . -"
        )
    if key.casefold() in RESERVED:
        advice = f"give it another name: {{my_{key}: {{category: {key}}}}}"
        raise wrong(f"{key} is an array of every dataset; {advice}")
    if same := next((name for name in others if name.casefold() == key.casefold()), ""):
        raise wrong(f"{key} and {same} differ in case only; rename one")
    return key


def _target(name: str, options: object) -> Target:
    if isinstance(options, str):
        return Target(name, _kind(options), (name,))
    if not isinstance(options, Mapping):
        raise wrong(f"{_EXPECTED}, not {shown(options)}")
    kinds = [kind for kind in KINDS if kind in options]
    if len(kinds) != 1:
        raise wrong(f"{_EXPECTED}, not {shown(options)}")
    kind = kinds[0]
    known = (kind, *_OPTIONS[kind])
    found = [Problem((str(key),), unknown("key", key, known)) for key in options if key not in known]
    separator, missing = options.get("separator", SEPARATOR), options.get("missing")
    if not isinstance(separator, str) or not separator:
        found.append(Problem(("separator",), f"expected a text such as ';', not {shown(separator)}"))
    if missing not in (None, "ignore"):
        found.append(
            Problem(("missing",), f"expected ignore, not {shown(missing)}; images without a value are refused")
        )
    columns: tuple[str, ...] = ()
    classes: tuple[str, ...] | None = None
    try:
        columns = _columns(kind, options[kind])
    except SpecError as problems:
        found += [problem.under((kind,)) for problem in problems.problems]
    try:
        classes = parse_classes(options.get("classes"))
    except SpecError as problems:
        found += [problem.under(("classes",)) for problem in problems.problems]
    if classes is not None and 1 < len(columns) != len(classes):
        found.append(Problem(("classes",), f"names {len(classes)} classes for {len(columns)} columns; name each"))
    if found:
        raise SpecError(found)
    return Target(name, kind, columns, separator, classes or (), missing == "ignore")


def _kind(text: str) -> Kind:
    for kind in KINDS:
        if text == kind:
            return kind
    raise wrong(unknown("kind", text, KINDS))


def _columns(kind: Kind, value: object) -> tuple[str, ...]:
    if isinstance(value, str) and value:
        return (value,)
    if kind == "many" and isinstance(value, Sequence) and not isinstance(value, str):
        names = tuple(value)
        if len(names) > 1 and all(isinstance(name, str) and name for name in names) and len({*names}) == len(names):
            return names
        raise wrong(f"expected the names of two or more columns of 0 and 1, not {shown(value)}")
    raise wrong(f"expected the name of a column, not {shown(value)}")


Targets = Annotated[
    Mapping[str, Target], PlainValidator(parse_targets), WithJsonSchema(SCHEMA), "names of targets and their kinds"
]
