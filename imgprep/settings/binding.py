"""Plain data to frozen objects: pydantic checks, the messages are ours.

The options of a family (a source, a transform, a rule) are a frozen stdlib dataclass, so that workers need no pydantic.
`adapter_of` has pydantic check the fields of that class and make the object; it does so for the classes in use alone.
"""

import dataclasses
import re
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import (
    GetCoreSchemaHandler,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from imgprep.errors import ImgprepError
from imgprep.settings.fields import TABLE, FilePath, Flag, Integer, Number, Text, context_of
from imgprep.settings.messages import problems_of
from imgprep.settings.problems import Problem, SpecError, shown, wrong
from imgprep.settings.tables import Context, pick

T = TypeVar("T")
_TYPES: Final[Mapping[object, Any]] = {int: Integer, float: Number, bool: Flag, str: Text, Path: FilePath}


def bind(cls: type[T], options: object, context: Context) -> T:
    """Makes a frozen dataclass from options.

    Args:
        cls: the dataclass; its fields carry their constraints in ``Annotated``. Fields named in its ``nested`` hold
            further transforms; those in its ``spec_keys`` have another key in the spec.
        options: a mapping of keys to values.
        context: the folder of the spec, and the tables.

    Raises:
        SpecError: everything that is wrong, keys relative to the options.
    """
    if isinstance(options, Mapping) and not options and not required(cls):
        return cls()
    try:
        made: T = adapter_of(cls).validate_python(options, context=context)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SpecError(_own_problems(cls, error, options)) from None
    except ImgprepError as error:
        raise SpecError(_own_words(cls, str(error))) from None
    return made


def check_fields(made: Any) -> None:
    """Checks the fields of a frozen dataclass that was made without `bind`, and converts lists to tuples as it does.

    What is equal stays as it is: the default 2 and the 2.0 of a conversion would have different fingerprints.

    Raises:
        SpecError: everything that is wrong, by field.
    """
    cls = type(made)
    options = {key: getattr(made, name) for name, key in keys_of(cls).items()}
    try:
        checked, _ = _fields_adapter(cls).validate_python(options)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SpecError(_own_problems(cls, error, options)) from None
    for name, value in checked.items():
        if value != getattr(made, name):
            object.__setattr__(made, name, value)


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
    if isinstance(value, str):
        return _entry(pick(table, value, what), {}, context)
    if not isinstance(value, Mapping) or not value:
        if type(value) in table.values():
            return value
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
    return [field.name for field in dataclasses.fields(cls) if field.init and _undefined(field)]


def _undefined(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


@cache
def adapter_of(cls: Any) -> TypeAdapter[Any]:
    """Checks options and makes a dataclass of them; pydantic builds it when a spec first uses the class."""
    return TypeAdapter(Annotated[cls, _Options()])


@cache
def _fields_adapter(cls: Any) -> TypeAdapter[Any]:
    """Checks the fields alone: gives their values by name, and None."""
    return TypeAdapter(Annotated[cls, _Fields()])


class _Fields:
    """Has pydantic check the fields of a dataclass as a spec has them: no unknown key, no text for a number."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        hints, keys = field_types(source), keys_of(source)
        fields = [
            core_schema.dataclass_field(
                field.name,
                _with_default(handler.generate_schema(hints[keys[field.name]]), field),
                validation_alias=keys[field.name],
            )
            for field in dataclasses.fields(source)
            if field.init
        ]
        derived = [
            core_schema.dataclass_field(field.name, _with_default(core_schema.any_schema(), field), init=False)
            for field in dataclasses.fields(source)
            if not field.init and not _undefined(field)
        ]
        return core_schema.dataclass_args_schema(source.__name__, fields + derived, extra_behavior="forbid")


class _Options(_Fields):
    """Has pydantic make the dataclass of the fields, too.

    One whose fields are checked when it is made otherwise (see `check_fields`) has a method ``complete``, which is
    called in the place of its ``__post_init__``: nothing is checked twice.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        completes = hasattr(source, "complete")
        schema = core_schema.dataclass_schema(
            source,
            super().__get_pydantic_core_schema__(source, handler),
            [field.name for field in dataclasses.fields(source)],
            post_init=hasattr(source, "__post_init__") and not completes,
            slots=hasattr(source, "__slots__"),
            ref=f"{source.__module__}.{source.__qualname__}:{id(source)}",
        )
        return core_schema.no_info_after_validator_function(_completed, schema) if completes else schema


def _completed(made: Any) -> Any:
    made.complete()
    return made


def keys_of(cls: Any) -> dict[str, str]:
    """The key in the spec of each field that is given."""
    spelled: Mapping[str, str] = getattr(cls, "spec_keys", {})
    return {field.name: spelled.get(field.name, field.name) for field in dataclasses.fields(cls) if field.init}


def field_types(cls: Any) -> dict[str, Any]:
    """The type of the value of each key of a dataclass in the spec."""
    hints = get_type_hints(cls, include_extras=True)
    nested: tuple[str, ...] = getattr(cls, "nested", ())
    return {
        key: _entries_type(hints[name]) if name in nested else spec_type(hints[name])
        for name, key in keys_of(cls).items()
    }


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


_ENTRIES_SCHEMA: Final = WithJsonSchema({"type": "array", "items": {TABLE: "transforms"}})


def _entries_type(hint: Any) -> Any:
    """The type of a field that holds entries: plain data in a spec, objects in a program."""
    whole, *marks = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    kind = get_args(whole)[0]

    def entries(value: object, info: ValidationInfo) -> tuple[Any, ...]:
        if isinstance(value, list | tuple) and kind is not Any and all(isinstance(item, kind) for item in value):
            return tuple(value)
        context = context_of(info)
        return parse_entries(value, context.tables.transforms, context)

    return Annotated[(tuple[Any, ...], PlainValidator(entries), _ENTRIES_SCHEMA, "a list of transforms", *marks)]


def _nested_dataclass(cls: type) -> Any:
    def build(value: object, info: ValidationInfo) -> Any:
        return value if isinstance(value, cls) else bind(cls, value, context_of(info))

    return Annotated[cls, PlainValidator(build, json_schema_input_type=Annotated[cls, _Options()]), "a mapping of keys"]


def _with_default(schema: CoreSchema, field: "dataclasses.Field[Any]") -> CoreSchema:
    """With the default of the field, which the JSON Schema shows if it is plain."""
    if _undefined(field):
        return schema
    if isinstance(field.default, str | int | float | bool | None | tuple):
        return core_schema.with_default_schema(schema, default=field.default)
    made = (lambda: field.default) if field.default_factory is dataclasses.MISSING else field.default_factory
    return core_schema.with_default_schema(schema, default_factory=made)


def _own_problems(cls: Any, error: ValidationError, options: object) -> list[Problem]:
    found: dict[Problem, None] = {}
    for problem in problems_of(field_types(cls), error, options):
        found.update(dict.fromkeys([problem] if problem.keys else _own_words(cls, problem.text)))
    return list(found)


def _own_words(cls: Any, text: str) -> list[Problem]:
    """The problems in a message of a dataclass: ``field: problem; field: problem``, or about the whole."""
    fields = "|".join(re.escape(field.name) for field in dataclasses.fields(cls))
    parts = re.split(rf"(?:^|; )({fields}): ", text) if fields else [text]
    whole = [Problem((), parts[0])] if parts[0] else []
    return whole + [Problem((name,), rest) for name, rest in zip(parts[1::2], parts[2::2], strict=True)]
