"""From the augment section of a spec to the recipes and amounts of the stage."""

from collections.abc import Iterable, Iterator

from imgprep.spec.images import AugmentSection
from imgprep.spec.sections import Spec
from imgprep.stages.copies import Amounts
from imgprep.transforms.base import Transform
from imgprep.transforms.compose import Chain, Policy
from imgprep.transforms.intensity import Brightness

PER_IMAGE = {"minmax", "percentile"}


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
    if spec.augment is None or spec.pack.normalize not in PER_IMAGE:
        return
    if any(isinstance(transform, Brightness) for transform in _all(spec.augment.transforms)):
        yield (
            f"augment.transforms: pack.normalize: {spec.pack.normalize} stretches each image to the same range and so "
            "undoes brightness; use normalize: unit or standardize"
        )


def _all(transforms: Iterable[Transform]) -> Iterator[Transform]:
    for transform in transforms:
        if isinstance(transform, Policy):
            yield from _all(transform.members())
        else:
            yield transform
