"""Plain data to frozen objects: pydantic checks, the messages are ours.

The options of a family (a source, a transform, a rule) are a frozen stdlib dataclass, so that workers need no pydantic.
For each dataclass in use a pydantic model with the same fields, its twin, is built; it checks the options.
"""

import dataclasses
import os
import re
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import (
    AllowInfNan,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    Strict,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    create_model,
)

from imgprep.errors import ImgprepError
from imgprep.settings.messages import problems_of
from imgprep.settings.problems import Problem, SpecError, shown, wrong
from imgprep.settings.tables import INSTALLED, Context, pick

T = TypeVar("T")
TABLE: Final = "$table"
"""In a JSON Schema in the making: stands for one entry of that table."""
_NO_NAMES: Final[Mapping[str, str]] = types.MappingProxyType({})


class CommandLineText(str):
    """A text of the command line: as a path it may be relative to the working directory."""

    __slots__ = ()


def context_of(info: ValidationInfo) -> Context:
    """The context that a validator was given; the installed tables without one."""
    return info.context if isinstance(info.context, Context) else Context(tables=INSTALLED)


def resolve_path(value: object, info: ValidationInfo) -> Path:
    """The absolute path of something that is read; a relative one is relative to the spec file.

    One of the command line may be relative to the working directory too: it is so when there is nothing of that name
    beside the spec file.

    Raises:
        ValueError: it is no path.
    """
    path = resolve_output(value, info)
    if isinstance(value, CommandLineText) and not os.path.lexists(path):
        here = Path(os.path.normpath(Path.cwd() / value))
        return here if os.path.lexists(here) else path
    return path


def resolve_output(value: object, info: ValidationInfo) -> Path:
    """The absolute path of something that is written; a relative one is relative to the spec file.

    Raises:
        ValueError: it is no path.
    """
    if isinstance(value, Path):
        value = os.fspath(value)
    if not isinstance(value, str) or not value:
        raise ValueError(f"expected a path, not {shown(value)}")
    if "\0" in value:
        raise ValueError(f"the path {shown(value)} holds a NUL character; remove it")
    return Path(os.path.normpath(Path(os.path.realpath(context_of(info).base), value)))


Integer = Annotated[int, Strict()]
Number = Annotated[float, Strict(), AllowInfNan(False)]
Flag = Annotated[bool, Strict()]
Text = Annotated[str, Strict()]
_PATH_SCHEMA: Final = WithJsonSchema({"type": "string", "minLength": 1})
FilePath = Annotated[Path, PlainValidator(resolve_path), _PATH_SCHEMA, "a path"]
OutputPath = Annotated[Path, PlainValidator(resolve_output), _PATH_SCHEMA, "a path"]
_TYPES: Final[Mapping[object, Any]] = {int: Integer, float: Number, bool: Flag, str: Text, Path: FilePath}


def bind(cls: type[T], options: object, context: Context, names: Mapping[str, str] = _NO_NAMES) -> T:
    """Makes a frozen dataclass from options.

    Args:
        cls: the dataclass; its fields carry their constraints in ``Annotated``. Fields named in its ``nested`` hold
            further transforms.
        options: a mapping of field names to values.
        context: the folder of the spec, and the tables.
        names: fields that have another key in the spec.

    Raises:
        SpecError: everything that is wrong, keys relative to the options.
    """
    if isinstance(options, Mapping) and not options and not required(cls):
        return cls()
    twin: type[BaseModel] = twin_of(cls, tuple(names.items()))  # type: ignore[arg-type]
    try:
        checked = twin.model_validate(options, context=context)
    except ValidationError as error:
        raise SpecError(problems_of(twin, error, options)) from None
    values = {name.removeprefix("f_"): getattr(checked, name) for name in checked.model_fields_set}
    try:
        return cls(**values)
    except (ValueError, ImgprepError) as error:
        raise SpecError(_own_words(cls, str(error))) from None


def parse_entry(value: object, table: Mapping[str, Any], context: Context, what: str = "transform") -> Any:
    """Makes one entry of a list of steps or transforms: ``invert``, or ``clahe: {clip: 2}``.

    An entry that holds others may have them as a list: ``one_of: [invert, flip]``.

    Args:
        value: plain data, or an object that is an entry already.
        table: names to dataclasses.
        context: the folder of the spec, and the tables.
        what: how messages call it.

    Raises:
        SpecError: everything that is wrong, keys relative to the entry.
    """
    if type(value) in table.values():
        return value
    if isinstance(value, str):
        return _entry(pick(table, value, what), {}, context)
    if not isinstance(value, Mapping) or not value:
        raise wrong(f"expected the name of a {what}, alone or with its options in a mapping, not {shown(value)}")
    name, options = next(iter(value.items()))
    if len(value) > 1:
        raise wrong(f"expected one {what}, found the keys {', '.join(value)}; indent the options under {name!r}")
    try:
        return _entry(pick(table, name, what), {} if options is None else options, context)
    except SpecError as problems:
        raise SpecError(problem.under((name,)) for problem in problems.problems) from None


def parse_entries(
    value: object,
    table: Mapping[str, Any],
    context: Context,
    what: str = "transform",
    check: Callable[[Any], Iterable[Problem]] = lambda _: (),
) -> tuple[Any, ...]:
    """Makes a list of entries; see `parse_entry`. What ``check`` says of an entry that was made is a problem too.

    Raises:
        SpecError: everything that is wrong in any of them, keys relative to the list.
    """
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise wrong(f"expected a list of {what}s, not {shown(value)}")
    made: list[Any] = []
    found: list[Problem] = []
    for index, item in enumerate(value):
        try:
            made.append(parse_entry(item, table, context, what))
            found += [problem.under((index,)) for problem in check(made[-1])]
        except SpecError as problems:
            found += [problem.under((index,)) for problem in problems.problems]
    if found:
        raise SpecError(found)
    return tuple(made)


def required(cls: Any) -> list[str]:
    """The fields of a dataclass that have no default."""
    return [
        field.name
        for field in dataclasses.fields(cls)
        if field.init and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]


@cache
def twin_of(cls: Any, names: tuple[tuple[str, str], ...] = ()) -> type[BaseModel]:
    """The pydantic model that checks the options of a dataclass.

    Its attributes have a prefix, because a field may be called ``copy`` or ``schema``; its keys are the fields' names.
    """
    keys = dict(names)
    hints = get_type_hints(cls, include_extras=True)
    nested: tuple[str, ...] = getattr(cls, "nested", ())
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        if field.init:
            hint = _entries_type(hints[field.name]) if field.name in nested else spec_type(hints[field.name])
            alias = keys.get(field.name, field.name)
            fields[f"f_{field.name}"] = hint, Field(alias=alias, **_default(field))
    return create_model(cls.__name__, __config__=ConfigDict(extra="forbid"), **fields)


def spec_type(hint: Any) -> Any:
    """The same type as a spec has it: no text for a number, no infinite number, paths relative to the spec."""
    origin: Any = get_origin(hint)
    arguments = get_args(hint)
    if hint in _TYPES:
        return _TYPES[hint]
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _nested_dataclass(hint)
    if origin is Annotated:
        return Annotated[(spec_type(arguments[0]), *arguments[1:])]
    if origin in {Union, types.UnionType}:
        return Union[tuple(map(spec_type, arguments))]  # noqa: UP007
    if arguments and origin is not Literal:
        return origin[tuple(part if part is Ellipsis else spec_type(part) for part in arguments)]
    return hint


def _entry(cls: type, options: object, context: Context) -> Any:
    nested: tuple[str, ...] = getattr(cls, "nested", ())
    if not isinstance(options, list | tuple) or not nested:
        return bind(cls, options, context)
    try:
        return bind(cls, {nested[0]: options}, context)
    except SpecError as problems:
        # The spec has the list in the place of the options, so the name of the field leads nowhere.
        inner = (p._replace(keys=p.keys[1:]) if p.keys[:1] == (nested[0],) else p for p in problems.problems)
        raise SpecError(inner) from None


def _nested(value: object, info: ValidationInfo) -> tuple[Any, ...]:
    context = context_of(info)
    return parse_entries(value, context.tables.transforms, context)


_ENTRIES: Final = Annotated[
    tuple[Any, ...],
    PlainValidator(_nested),
    WithJsonSchema({"type": "array", "items": {TABLE: "transforms"}}),
    "a list of transforms",
]


def _entries_type(hint: Any) -> Any:
    return Annotated[(_ENTRIES, *get_args(hint)[1:])] if get_origin(hint) is Annotated else _ENTRIES


def _nested_dataclass(cls: type) -> Any:
    def build(value: object, info: ValidationInfo) -> Any:
        return value if isinstance(value, cls) else bind(cls, value, context_of(info))

    return Annotated[cls, PlainValidator(build, json_schema_input_type=twin_of(cls)), "a mapping of keys"]


def _default(field: "dataclasses.Field[Any]") -> dict[str, Any]:
    """The default for the JSON Schema; the dataclass itself fills it in."""
    if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
        return {}
    if isinstance(field.default, str | int | float | bool | None | tuple):
        return {"default": field.default}
    return {"default_factory": lambda: None}


def _own_words(cls: Any, text: str) -> list[Problem]:
    """A dataclass's own message about its values: ``field: problem; field: problem``, or one about the whole."""
    fields = "|".join(re.escape(field.name) for field in dataclasses.fields(cls))
    parts = re.split(rf"(?:^|; )({fields}): ", text) if fields else [text]
    whole = [Problem((), parts[0])] if parts[0] else []
    return whole + [Problem((name,), rest) for name, rest in zip(parts[1::2], parts[2::2], strict=True)]
