"""The settings of the augment stage."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from imgprep.pipeline.storage import Storage
from imgprep.settings.binding import bind, parse_entries
from imgprep.settings.fields import NAMES, Copies, context_of, list_of
from imgprep.settings.problems import Problem, SpecError, shown, wrong
from imgprep.settings.tables import pick


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


Transforms = Annotated[tuple[Any, ...], PlainValidator(_transforms), list_of("transforms")]
StressSets = Annotated[tuple[Any, ...], PlainValidator(_stress), list_of("stress")]
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


class AugmentSettings(Storage):
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
    def _says_how_many(self) -> "AugmentSettings":
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

    def contradictions(self, earlier: Mapping[str, Any]) -> Iterator[Problem]:
        """Folds have no training images to make others of, and some stress sets need masks."""
        if "split" in earlier and earlier["split"].method == "kfold":
            yield Problem((), "makes images of training images, which folds have none of; leave the section out")
        masked = "source" not in earlier or earlier["source"].masks is not None
        text = "is made by masks of the objects; set source.masks to alpha, or to {attribute: COLUMN}"
        for place, test in enumerate(self.stress if not masked else ()):
            if getattr(test, "needs_donor", False):
                yield Problem(("stress", place), f"{test.name} {text}")

    @property
    def target(self) -> int | Literal["max", "mean"] | None:
        """The size to which copies bring every training class; ``max`` and ``mean`` refer to the class sizes."""
        return self.per_class if self.per_class is not None else self.balance

    @property
    def shares(self) -> dict[str, float]:
        """Name of a transform of ``mix`` -> the share of the training images that is added so treated."""
        return {name: share for name, (_, share) in self.mix.items()}

    @property
    def stress_names(self) -> tuple[str, ...]:
        """Names of the stress sets."""
        return tuple(transform.name for transform in self.stress)

    def amounts(self) -> dict[str, Any]:
        """The numbers of copies as plain values."""
        return {
            "per_image": self.per_image,
            "per_class": self.target,
            "mix": [f"{name}: {share!r}" for name, share in self.shares.items()],
            "stress": list(self.stress_names),
            "views": self.views,
        }

    def values(self) -> str:
        """The numbers of copies, for a fingerprint, in the wording of the first release."""
        return (
            f"Amounts(per_image={self.per_image!r}, per_class={self.target!r}, mix={self.shares!r}, "
            f"stress={self.stress_names!r}, views={self.views!r})"
        )
