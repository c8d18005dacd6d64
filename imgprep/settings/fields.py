"""The types of single values as a spec has them, and what all sections share.

No text is taken for a number, no number is infinite, and paths are relative to the spec.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import (
    AllowInfNan,
    BaseModel,
    ConfigDict,
    PlainValidator,
    Strict,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from imgprep.errors import RequestError
from imgprep.settings.problems import Keys, Problem, shown, unknown
from imgprep.settings.tables import Context
from imgprep.util.addresses import address_of, check_local, check_scheme, is_address
from imgprep.util.sizes import SIZE, parse_size

TABLE: Final = "$table"
"""In a JSON Schema in the making: stands for one entry of that table."""
NAMES: Final = "$names"
"""In a JSON Schema in the making: stands for any of the names in that table."""
_SIZE_SCHEMA: Final = {
    "anyOf": [{"type": "integer", "exclusiveMinimum": 0}, {"type": "string", "pattern": f"^{SIZE.pattern}$"}]
}


class CommandLineText(str):
    """A text of the command line: as a path it may be relative to the working directory."""

    __slots__ = ()


def context_of(info: ValidationInfo) -> Context:
    """The context that a validator was given; one without tables otherwise, for objects made in a program."""
    return info.context if isinstance(info.context, Context) else Context()


def resolve_stored(value: object, info: ValidationInfo) -> Path:
    """The same as `resolve_path`, for what may lie in an object store too: an address as a path, see `Address`.

    Raises:
        ValueError: it is no path, or an address that nobody can open.
    """
    return stored_path(value) or resolve_path(value, info)


def resolve_stored_output(value: object, info: ValidationInfo) -> Path:
    """The same as `resolve_output`, for what may lie in an object store too."""
    return stored_path(value) or resolve_output(value, info)


def stored_path(value: object) -> Path | None:
    """The path of an address; None for anything else.

    Raises:
        ValueError: nobody can open it.
    """
    try:
        address = address_of(value) if isinstance(value, str | Path) else None
        if address is None:
            return None
        check_scheme(address)
    except RequestError as error:
        raise ValueError(str(error)) from None
    return address.path


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
        if is_address(value):
            return value  # checked by whoever made a path of it
        value = os.fspath(value)
    if not isinstance(value, str) or not value:
        raise ValueError(f"expected a path, not {shown(value)}")
    if "\0" in value:
        raise ValueError(f"the path {shown(value)} holds a NUL character; remove it")
    try:
        check_local(value)
    except RequestError as error:
        raise ValueError(str(error)) from None
    return Path(os.path.normpath(Path(os.path.realpath(context_of(info).base), value)))


Integer = Annotated[int, Strict()]
Number = Annotated[float, Strict(), AllowInfNan(False)]
Flag = Annotated[bool, Strict()]
Text = Annotated[str, Strict()]
_PATH_SCHEMA: Final = WithJsonSchema({"type": "string", "minLength": 1})
FilePath = Annotated[Path, PlainValidator(resolve_path), _PATH_SCHEMA, "a path"]
StoredPath = Annotated[Path, PlainValidator(resolve_stored), _PATH_SCHEMA, "a path"]
OutputPath = Annotated[Path, PlainValidator(resolve_stored_output), _PATH_SCHEMA, "a path"]


class Section(BaseModel):
    """A part of the spec: frozen, and no unknown key. An empty section has its defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _empty(cls, data: object) -> object:
        return {} if data is None else data

    def contradictions(self, earlier: Mapping[str, Any]) -> Iterable[Problem]:
        """Lists the keys of a stage's section that contradict earlier sections of the spec, relative to the section.

        Args:
            earlier: the sections before it, by name; those that are wrong themselves are not there.
        """
        return ()

    def files(self) -> Iterable[tuple[Keys, Path]]:
        """Lists the files that a stage's section names and reads, each with its keys, relative to the section."""
        return ()


def _byte_size(value: object) -> int:
    try:
        return parse_size(value)
    except ValueError:
        raise ValueError(f"expected a size such as 64 MiB, not {shown(value)}") from None


def name_in(table: str, what: str) -> Callable[[object, ValidationInfo], str]:
    """Makes the validator of a name that must be in a family's table."""

    def check(value: object, info: ValidationInfo) -> str:
        known = getattr(context_of(info).tables, table)
        if isinstance(value, str) and value in known:
            return value
        raise ValueError(unknown(what, value, list(known)))

    return check


ByteSize = Annotated[int, PlainValidator(_byte_size), WithJsonSchema(_SIZE_SCHEMA)]
Count = Annotated[Integer, Ge(0)]
Positive = Annotated[Integer, Ge(1)]
Copies = Annotated[Integer, Ge(1), Le(10**9)]
Fraction = Annotated[Number, Ge(0), Lt(1)]
Seconds = Annotated[Number, Gt(0)]
Name = Annotated[Text, MinLen(1)]
EngineName = Annotated[str, PlainValidator(name_in("engines", "engine")), WithJsonSchema({NAMES: "engines"})]


def list_of(table: str) -> WithJsonSchema:
    """The JSON Schema of a list of entries of a family's table."""
    return WithJsonSchema({"type": "array", "items": {TABLE: table}})
