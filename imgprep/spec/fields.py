"""The types that several sections share."""

import re
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

NAMES: Final = "$names"
"""In a JSON Schema in the making: stands for any of the names in that table."""
SIZE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(?:([kKMGT])(i)?)?B?")
_POWERS: Final = {"K": 1, "M": 2, "G": 3, "T": 4}
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


def parse_size(value: object) -> int:
    """A number of bytes: ``64 MiB``, ``1.5GB``, or plain.

    Raises:
        ValueError: it is no size, or nothing.

    >>> parse_size("64 MiB"), parse_size("1.5kB"), parse_size(512)
    (67108864, 1500, 512)
    """
    size = 0
    if isinstance(value, int) and not isinstance(value, bool):
        size = value
    elif isinstance(value, str) and (match := SIZE.fullmatch(value.strip())):
        number, letter, binary = match.groups()
        base = 1024 if binary else 1000
        size = int(float(number) * base ** _POWERS.get((letter or "").upper(), 0))
    if size < 1:
        raise ValueError(f"expected a size such as 64 MiB, not {shown(value)}")
    return size


def name_in(table: str, what: str) -> Callable[[object, ValidationInfo], str]:
    """Makes the validator of a name that must be in a family's table."""

    def check(value: object, info: ValidationInfo) -> str:
        known = getattr(context_of(info).tables, table)
        if isinstance(value, str) and value in known:
            return value
        raise ValueError(unknown(what, value, list(known)))

    return check


ByteSize = Annotated[int, PlainValidator(parse_size), WithJsonSchema(_SIZE_SCHEMA)]
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
