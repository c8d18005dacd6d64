"""The settings of the convert stage."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple

from annotated_types import Ge, Le
from pydantic import PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from imgprep.decoding.format_header import DecodeOptions
from imgprep.decoding.reduction import KeepingTwice, Reduction
from imgprep.decoding.value_range import ValueRange
from imgprep.pipeline.storage import Storage
from imgprep.settings.binding import parse_entries
from imgprep.settings.fields import Integer, context_of, list_of
from imgprep.settings.plain import plain, plain_entry
from imgprep.settings.problems import shown, unknown, wrong
from imgprep.transforms.resize_options import Edge, Interpolation, Mode

LONGEST_SIDE: Final = 65500
"""Of an image, in pixels: what JPEG can hold."""
MAX_PIXELS: Final = 178_956_970
"""The number at which Pillow speaks of a decompression bomb: twice 1 GiB / 4 / 3 pixels."""
_DEPTHS: Final = (8, 16, "keep")
_BACKGROUNDS: Final[Mapping[str, tuple[int, int, int] | None]] = {
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "ignore": None,
}

Side = Annotated[Integer, Ge(1), Le(LONGEST_SIDE)]
Level = Annotated[Integer, Ge(0), Le(255)]


def _size(value: object) -> tuple[int, int] | None:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) != 2 or not all(type(side) is int for side in value):
        hint = f"; for a square write [{value}, {value}]" if type(value) is int and value > 0 else ""
        raise ValueError(f"expected two integers [height, width], not {shown(value)}{hint}")
    height, width = value
    if not (1 <= height <= LONGEST_SIDE and 1 <= width <= LONGEST_SIDE):
        raise ValueError(
            f"expected two integers [height, width] from 1 to {LONGEST_SIDE}, not {shown(value)}; "
            "leave the key out to keep the size of the images"
        )
    return height, width


class UsedBits(NamedTuple):
    """Samples that use fewer bits than their type has.

    Attributes:
        used: the bits that are used.
        to: bits per channel of the result, as in `ConvertSection.depth`.
    """

    used: int
    to: Literal[8, 16, "keep"]


def _depth(value: object) -> Literal[8, 16, "keep"] | UsedBits:
    if isinstance(value, UsedBits):
        return value
    if isinstance(value, Mapping):
        return _used_bits(value)
    if type(value) in {int, str} and value in _DEPTHS:
        return value
    raise ValueError(f"expected 8, 16 or keep, not {shown(value)}")


def _used_bits(value: Mapping[Any, Any]) -> UsedBits:
    for key in value:
        if key not in {"from", "to"}:
            raise wrong(unknown("key", key, ["from", "to"]))
    used, to = value.get("from"), value.get("to", 8)
    if type(used) is not int or not 1 <= used <= 16:
        raise wrong(f"expected the number of bits that are used, from 1 to 16, not {shown(used)}", "from")
    if type(to) not in {int, str} or to not in _DEPTHS:
        raise wrong(f"expected 8, 16 or keep, not {shown(to)}", "to")
    return UsedBits(used, to)


def _value_range(value: object) -> tuple[float, float] | None:
    if value is None:
        return None
    pair = value if isinstance(value, list | tuple) and len(value) == 2 else ()
    if not pair or not all(type(end) in {int, float} and math.isfinite(end) for end in pair) or pair[0] >= pair[1]:
        raise ValueError(
            f"expected two numbers [low, high] such as [0, 4095], the values that become black and white, not "
            f"{shown(value)}"
        )
    return pair[0], pair[1]


def _steps(value: object, info: ValidationInfo) -> tuple[Any, ...]:
    context = context_of(info)
    return parse_entries(value, context.tables.steps, context, "step")


Size = Annotated[
    tuple[int, int] | None,
    PlainValidator(_size),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "array",
                    "items": {"type": "integer", "minimum": 1, "maximum": LONGEST_SIDE},
                    "minItems": 2,
                    "maxItems": 2,
                },
                {"type": "null"},
            ]
        }
    ),
]
_DEPTH_SCHEMA: Final = {"enum": list(_DEPTHS)}
Depth = Annotated[
    Literal[8, 16, "keep"] | UsedBits,
    PlainValidator(_depth),
    WithJsonSchema(
        {
            "anyOf": [
                _DEPTH_SCHEMA,
                {
                    "type": "object",
                    "properties": {
                        "from": {"type": "integer", "minimum": 1, "maximum": 16},
                        "to": _DEPTH_SCHEMA,
                    },
                    "required": ["from"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
ValuePair = Annotated[
    tuple[float, float] | None,
    PlainValidator(_value_range),
    WithJsonSchema(
        {"anyOf": [{"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}, {"type": "null"}]}
    ),
]
Steps = Annotated[tuple[Any, ...], PlainValidator(_steps), list_of("steps")]
Alpha = Annotated[
    Literal["white", "black", "ignore"] | tuple[Level, Level, Level],
    "white, black, ignore or three integers [red, green, blue] from 0 to 255",
]


class ConvertSettings(Storage):
    """Any source becomes decoded, sized and pre-processed images of 8 or 16 bits.

    Attributes:
        channels: colour of the images; keep leaves each as it is, then all must agree.
        size: height and width; null or left out keeps the size, then all images must agree.
        fit: how an image of another shape gets there: stretch it, pad it, or crop it.
        fill: what fit: pad fills with: black, a mirror image, or the pixels of the edge.
        interpolation: auto is area when shrinking and cubic when enlarging; pillow-... as torchvision does.
        depth: bits per channel; {from: 12, to: 8} where images of more than 8 bits use only 12 of them.
        range: low and high value of the source, which become black and white, instead of the whole range of its type.
        alpha: what transparency is laid on; ignore shows the colours under it.
        color_profile: srgb converts images with an embedded ICC profile; ignore takes their colours as stored.
        decode: fast lets a JPEG of at least four times the size come reduced by its decoder; exact changes no pixel.
        steps: pre-processing, in order; each a name, or a name with options.
        max_pixels: height times width above which an image is refused by its header; audit and preview keep to it too.
    """

    channels: Literal["rgb", "gray", "keep"] = "rgb"
    size: Size = None
    fit: Mode = "stretch"
    fill: Edge = "constant"
    interpolation: Interpolation = "auto"
    depth: Depth = 8
    range: ValuePair = None
    alpha: Alpha = "white"
    color_profile: Literal["ignore", "srgb"] = "ignore"
    decode: Literal["exact", "fast"] = "exact"
    steps: Steps = ()
    max_pixels: Annotated[Integer, Ge(1)] = MAX_PIXELS

    @model_validator(mode="after")
    def _one_range(self) -> "ConvertSettings":
        if self.range is not None and isinstance(self.depth, UsedBits):
            raise wrong("contradicts depth: {from: ...}; give one of them", "range")
        return self

    @property
    def bits(self) -> Literal[8, 16, "keep"]:
        """Bits per channel of the result."""
        return self.depth.to if isinstance(self.depth, UsedBits) else self.depth

    @property
    def background(self) -> tuple[int, int, int] | None:
        """The colour that transparency is laid on: red, green, blue, 0 to 255; None when it is ignored."""
        return _BACKGROUNDS[self.alpha] if isinstance(self.alpha, str) else self.alpha

    def decode_options(self) -> DecodeOptions:
        """The options for decoding images, for every command."""
        return DecodeOptions(
            background=self.background,
            max_pixels=self.max_pixels,
            color_profile=self.color_profile,
            values=self.value_range(),
        )

    def reduction(self) -> Reduction | None:
        """By what the decoder may reduce a JPEG; None where it may not, or where every stored value is looked at."""
        given = self.value_range()
        checked = given is not None and not given.deep_only
        return KeepingTwice(self.size) if self.decode == "fast" and self.size is not None and not checked else None

    def value_range(self) -> ValueRange | None:
        """The values that become black and white; None when images use the whole range of their type."""
        depth = None if self.bits == "keep" else self.bits
        if self.range is not None:
            return ValueRange(*self.range, depth=depth)
        if not isinstance(self.depth, UsedBits):
            return None
        bits = self.depth.used
        return ValueRange(0, 2**bits - 1, depth=depth, key=f"convert.depth: {{from: {bits}}}", deep_only=bits >= 8)

    def recorded(self) -> dict[str, Any]:
        """Every option but those of the storage as plain values, as a spec has them: the section reads them back."""
        values = {name: plain(getattr(self, name)) for name in self.preparing()}
        if isinstance(self.depth, UsedBits):
            values["depth"] = {"from": self.depth.used, "to": self.depth.to}
        return values | {"steps": [plain_entry(step) for step in self.steps]}

    @classmethod
    def preparing(cls) -> tuple[str, ...]:
        """The names of the options that say what is done to an image."""
        return tuple(name for name in cls.model_fields if name not in Storage.model_fields)

    def values(self) -> dict[str, Any]:
        """Plain values for a fingerprint; those that came after the first release are left out at their defaults."""
        values = {name: getattr(self, name) for name in ("channels", "size", "fit", "fill", "interpolation", "depth")}
        later = {
            name: getattr(self, name)
            for name in ("max_pixels", "color_profile", "decode")
            if getattr(self, name) != type(self).model_fields[name].default
        }
        if given := self.value_range():
            later |= {"depth": self.bits, "range": repr(given)}
        steps = list(map(repr, self.steps))
        return values | later | {"steps": steps, "alpha": self.background, "storage": self.stored()}
