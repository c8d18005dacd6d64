"""The types that several sections share."""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Final

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import (
    BaseModel,
    ConfigDict,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from imgprep.settings.binding import TABLE, Integer, Number, Text, context_of
from imgprep.settings.problems import Problem, shown, unknown
from imgprep.util.sizes import SIZE, parse_size

NAMES: Final = "$names"
"""In a JSON Schema in the making: stands for any of the names in that table."""
_SIZE_SCHEMA: Final = {
    "anyOf": [{"type": "integer", "exclusiveMinimum": 0}, {"type": "string", "pattern": f"^{SIZE.pattern}$"}]
}


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
