"""From the augment section of a spec to the recipes and amounts of the stage."""

from collections.abc import Iterator
from typing import cast

from imgprep.sources.masks import Masks
from imgprep.spec.images import AugmentSection
from imgprep.spec.sections import Spec
from imgprep.stages.copies import Amounts
from imgprep.transforms.compose import Chain
from imgprep.transforms.limits import undone_by_normalization
from imgprep.transforms.normalize import Kind


def recipes(section: AugmentSection) -> dict[str, Chain]:
    """Name -> transforms of everything that is made; '' is the chain of the spec."""
    made = {"": Chain(tuple(section.transforms))}
    made |= {name: Chain((transform,)) for name, (transform, _) in section.mix.items()}
    return made | {transform.name: Chain((transform,)) for transform in section.stress}


def amounts(section: AugmentSection) -> Amounts:
    """How many images are made."""
    return Amounts(
        per_image=section.per_image,
        per_class=section.per_class if section.per_class is not None else section.balance,
        mix={name: share for name, (_, share) in section.mix.items()},
        stress=tuple(transform.name for transform in section.stress),
        views=section.views,
    )


def augment_notes(spec: Spec) -> Iterator[str]:
    """What the user should know before any image is made."""
    for transform in spec.augment.transforms if spec.augment is not None else ():
        for problem in undone_by_normalization(transform, cast("Kind", spec.pack.kind)):
            yield f"augment.transforms: {problem}"
    plain = spec.source.masks == Masks() and spec.convert.background is not None
    for transform in spec.augment.stress if spec.augment is not None and plain else ():
        if transform.accompanied:
            yield (
                f"augment.stress: {transform.name}: the background of every image whose mask is its alpha channel is "
                "convert.alpha; set convert.alpha: ignore where a picture lies under the transparency"
            )
