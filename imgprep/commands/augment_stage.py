"""The augment stage of a spec: from its section to recipes and amounts."""

from collections import Counter
from collections.abc import Iterator
from typing import Final, cast

from imgprep.commands.convert_stage import storage_of
from imgprep.commands.estimates import Outlook, StageEstimate, sized
from imgprep.commands.inputs import StageInputs
from imgprep.sources.masks import Masks
from imgprep.spec.images import AugmentSection
from imgprep.spec.sections import Spec
from imgprep.stages.augment.plan import CopyCounts, batches
from imgprep.stages.augment.stage import Augmentation
from imgprep.stages.split.methods import class_codes
from imgprep.transforms.compose import Chain
from imgprep.transforms.limits import undone_by_normalization
from imgprep.transforms.normalize import Kind


def recipes(section: AugmentSection) -> dict[str, Chain]:
    """Name -> transforms of everything that is made; '' is the chain of the spec."""
    made = {"": Chain(tuple(section.transforms))}
    made |= {name: Chain((transform,)) for name, (transform, _) in section.mix.items()}
    return made | {transform.name: Chain((transform,)) for transform in section.stress}


def amounts(section: AugmentSection) -> CopyCounts:
    """How many images are made."""
    return CopyCounts(
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
        if transform.needs_donor:
            yield (
                f"augment.stress: {transform.name}: the background of every image whose mask is its alpha channel is "
                "convert.alpha; set convert.alpha: ignore where a picture lies under the transparency"
            )


class Augment:
    """The augment stage as the spec defines it; see `StageDefinition`."""

    def check(self, inputs: StageInputs) -> None:
        """Says what the user should know before any image is made."""
        for note in augment_notes(inputs.loaded.spec):
            inputs.context.monitor.note(note)

    def work(self, inputs: StageInputs) -> Augmentation:
        """The stage over the converted images and their splits."""
        section = inputs.section("augment")
        return Augmentation(
            images=inputs.images("convert"),
            assignment=inputs.assignment,
            splits=inputs.bring("split").manifest,
            recipes=recipes(section),
            amounts=amounts(section),
            storage=storage_of(section),
            seed=inputs.loaded.spec.seed,
            where=inputs.loaded.where("augment"),
        )

    def estimate(self, outlook: Outlook) -> StageEstimate:
        """Counts all copies that are asked for, also where they need masks that nobody has looked at yet."""
        inputs, table = outlook.inputs, outlook.usable()
        assert outlook.image is not None
        assert outlook.assignment is not None
        section, codes = inputs.section("augment"), class_codes(table.label, inputs.collection.classes)
        made: Counter[str] = Counter()
        for batch in batches(outlook.assignment, codes, table.id, amounts(section), inputs.loaded.spec.seed):
            made[batch.split] += len(batch.parents)
        return sized("augment", made, outlook.image, storage_of(section))


AUGMENT: Final = Augment()
