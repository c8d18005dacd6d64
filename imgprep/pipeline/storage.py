"""The storage settings of the shards of a stage."""

from typing import Annotated, Any, cast

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema, field_validator

from imgprep.settings.fields import NAMES, ByteSize, Section, Text, context_of
from imgprep.settings.problems import unknown, wrong
from imgprep.shards.base import ShardFormat


def _format(value: object, info: ValidationInfo) -> ShardFormat:
    """The format of a name; a format itself is taken as it is."""
    formats = context_of(info).tables.formats
    if isinstance(value, str) and value in formats:
        named: ShardFormat = formats[value]
        return named
    if callable(getattr(value, "write", None)):
        return cast("ShardFormat", value)
    raise ValueError(unknown("format", value, list(formats)))


Format = Annotated[ShardFormat, PlainValidator(_format), WithJsonSchema({NAMES: "formats"})]


class Storage(Section):
    """Format, compression and size of the shards of a stage.

    Attributes:
        format: of the shard files.
        shard_size: how large a shard is at most, before compression, as 64 MiB or in bytes.
        compression: of the images in a shard.
    """

    format: Format = Field(default="hdf5", validate_default=True)
    shard_size: ByteSize = 64 << 20
    compression: Text = "none"

    @field_validator("compression")
    @classmethod
    def _known_to_the_format(cls, compression: str, info: ValidationInfo) -> str:
        format_ = info.data.get("format")
        if format_ is None or compression == "none":
            return compression
        known = [*dict.fromkeys(["none", *format_.compressions])]
        if compression not in known:
            raise wrong(unknown(f"compression of {format_.name}", compression, known))
        return compression

    def stored(self) -> dict[str, Any]:
        """Plain values for a fingerprint."""
        return {"format": self.format.name, "compression": self.compression, "shard_size": self.shard_size}
