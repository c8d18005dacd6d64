"""The sections that say what happens to pixels: convert and augment."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from annotated_types import Ge, Le
from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from imgprep.spec.binding import TABLE, Integer, bind, context_of, parse_entries
from imgprep.spec.fields import NAMES, Copies, Storage
from imgprep.spec.problems import Problem, SpecError, shown, wrong
from imgprep.spec.tables import pick

LONGEST_SIDE: Final = 65500
"""Of an image, in pixels: what JPEG can hold."""
MAX_PIXELS: Final = 178_956_970
"""The number at which Pillow speaks of a decompression bomb: twice 1 GiB / 4 / 3 pixels."""
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


def _steps(value: object, info: ValidationInfo) -> tuple[Any, ...]:
    context = context_of(info)
    return parse_entries(value, context.tables.steps, context, "step")


def _transforms(value: object, info: ValidationInfo) -> tuple[Any, ...]:
    context = context_of(info)

    def over_limits(transform: Any) -> list[Problem]:
        return [_over_limit(transform.name, text) for text in context.tables.limits(transform)]

    return parse_entries(value, context.tables.transforms, context, check=over_limits)


def _over_limit(name: str, text: str) -> Problem:
    field, _, problem = text.removeprefix(f"{name}.").partition(": ")
    # What a transform holds has its own name before the field, and its own place in the spec that it cannot know.
    return Problem((name, field), problem) if text.startswith(f"{name}.") else Problem((name,), text)


def _stress(value: object, info: ValidationInfo) -> tuple[Any, ...]:
    context = context_of(info)
    return parse_entries(value, context.tables.stress, context, "stress set")


def _mix(value: object, info: ValidationInfo) -> dict[str, tuple[Any, float]]:
    """Transform names to the transform with its defaults, and its share of the training images."""
    context = context_of(info)
    if not isinstance(value, Mapping):
        raise wrong(f"expected a mapping of transforms to shares such as {{invert: 0.1}}, not {shown(value)}")
    made: dict[str, tuple[Any, float]] = {}
    found: list[Problem] = []
    for name, share in value.items():
        try:
            cls = pick(context.tables.transforms, name, "transform")
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
                raise wrong(f"expected a share over 0 and at most 1, not {shown(share)}")
            made[name] = bind(cls, {}, context), float(share)
        except SpecError as problems:
            found += [problem.under((name,)) for problem in problems.problems]
    if found:
        raise SpecError(found)
    return made


def _list_of(table: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "array", "items": {TABLE: table}})


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
Steps = Annotated[tuple[Any, ...], PlainValidator(_steps), _list_of("steps")]
Transforms = Annotated[tuple[Any, ...], PlainValidator(_transforms), _list_of("transforms")]
StressSets = Annotated[tuple[Any, ...], PlainValidator(_stress), _list_of("stress")]
Mix = Annotated[
    Mapping[str, tuple[Any, float]],
    PlainValidator(_mix),
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {NAMES: "transforms"},
            "additionalProperties": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        }
    ),
]
Alpha = Annotated[
    Literal["white", "black", "ignore"] | tuple[Level, Level, Level],
    "white, black, ignore or three integers [red, green, blue] from 0 to 255",
]


class ConvertSection(Storage):
    """Any source becomes decoded, sized and pre-processed images of 8 or 16 bits.

    Attributes:
        channels: colour of the images; keep leaves each as it is, then all must agree.
        size: height and width; null or left out keeps the size, then all images must agree.
        fit: how an image of another shape gets there: stretch it, pad it, or crop it.
        fill: what fit: pad fills with: black, a mirror image, or the pixels of the edge.
        interpolation: auto is area when shrinking and cubic when enlarging.
        depth: bits per channel.
        alpha: what transparency is laid on; ignore shows the colours under it.
        color_profile: srgb converts images with an embedded ICC profile; ignore takes their colours as stored.
        steps: pre-processing, in order; each a name, or a name with options.
        max_pixels: height times width above which an image is refused by its header; audit and preview keep to it too.
    """

    channels: Literal["rgb", "gray", "keep"] = "rgb"
    size: Size = None
    fit: Literal["stretch", "pad", "crop"] = "stretch"
    fill: Literal["constant", "reflect", "edge"] = "constant"
    interpolation: Literal["auto", "area", "linear", "cubic", "lanczos", "nearest"] = "auto"
    depth: Literal[8, 16, "keep"] = 8
    alpha: Alpha = "white"
    color_profile: Literal["ignore", "srgb"] = "ignore"
    steps: Steps = ()
    max_pixels: Annotated[Integer, Ge(1)] = MAX_PIXELS

    @property
    def background(self) -> tuple[int, int, int] | None:
        """The colour that transparency is laid on: red, green, blue, 0 to 255; None when it is ignored."""
        return _BACKGROUNDS[self.alpha] if isinstance(self.alpha, str) else self.alpha


class AugmentSection(Storage):
    """New training images from old ones.

    Attributes:
        per_class: top every training class up to this many images.
        per_image: this many copies of every training image.
        balance: top every training class up to the largest class, the mean class size, or a number.
        transforms: the chain that makes a copy; each a name, or a name with options.
        stress: test sets that show what the model did not learn, beside the real one.
        mix: transforms with the share of training images that is added so treated.
        views: this many copies of each evaluation image as a dataset of their own, for test-time augmentation.
    """

    per_class: Copies | None = None
    per_image: Copies | None = None
    balance: Literal["max", "mean"] | Copies | None = None
    transforms: Transforms = ()
    stress: StressSets = ()
    mix: Mix = Field(default={})
    views: Copies | None = None

    @model_validator(mode="after")
    def _says_how_many(self) -> "AugmentSection":
        given = [key for key in ("per_class", "per_image", "balance") if getattr(self, key) is not None]
        uses = [*given, *(["views"] if self.views is not None else [])]
        if len(given) > 1:
            raise wrong(f"contradicts {given[0]}; give one of per_class, per_image and balance", given[1])
        if uses and not self.transforms:
            raise wrong("needs transforms to make images with; list some under augment.transforms", uses[0])
        if self.transforms and not uses:
            text = "says not how many images to make; give augment.per_class, per_image, balance or views"
            raise wrong(text, "transforms")
        return self
