"""The types that several sections share."""

from collections.abc import Callable
from typing import Annotated, Any, Final

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import (
    BaseModel,
    ConfigDict,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from imgprep.spec.binding import Integer, Number, Text, context_of
from imgprep.spec.problems import shown, unknown, wrong
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
FormatName = Annotated[str, PlainValidator(name_in("formats", "format")), WithJsonSchema({NAMES: "formats"})]
EngineName = Annotated[str, PlainValidator(name_in("engines", "engine")), WithJsonSchema({NAMES: "engines"})]


class Storage(Section):
    """How the shards of a stage are stored.

    Attributes:
        format: of the shard files.
        shard_size: how large a shard is at most, before compression, as 64 MiB or in bytes.
        compression: of the images in a shard.
    """

    format: FormatName = "hdf5"
    shard_size: ByteSize = 64 << 20
    compression: Text = "none"

    @field_validator("compression")
    @classmethod
    def _known_to_the_format(cls, compression: str, info: ValidationInfo) -> str:
        name: Any = info.data.get("format")
        if name is None or compression == "none":
            return compression
        known = [*dict.fromkeys(["none", *context_of(info).tables.formats[name].compressions])]
        if compression not in known:
            raise wrong(unknown(f"compression of {name}", compression, known))
        return compression
