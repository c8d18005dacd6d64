"""Derives the augment stage from the spec."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from imgprep.pipeline.estimates import Outlook, StageEstimate, sized
from imgprep.pipeline.inputs import StageInputs
from imgprep.sources.masks import Masks
from imgprep.stages.augment.plan import batches
from imgprep.stages.augment.settings import AugmentSettings
from imgprep.stages.augment.stage import Augmentation
from imgprep.stages.split.methods import class_codes
from imgprep.stages.split.stage import read_assignment
from imgprep.transforms.limits import undone_by_normalization


class Augment:
    """The augment stage as the spec defines it; see `StageDefinition`."""

    def check(self, inputs: StageInputs) -> None:
        """Notes pitfalls before any image is made."""
        for note in _notes(inputs):
            inputs.context.monitor.note(note)

    def work(self, inputs: StageInputs) -> Augmentation:
        """The stage over the converted images and their splits."""
        split = inputs.bring("split")
        return Augmentation(
            images=inputs.images("convert"),
            assignment=read_assignment(split.folder),
            splits=split.manifest,
            settings=inputs.section("augment"),
            seed=inputs.seed,
            where=inputs.where("augment"),
        )

    def estimate(self, outlook: Outlook) -> StageEstimate:
        """Counts all requested copies, including those that need masks, which are not known yet."""
        inputs, table = outlook.inputs, outlook.usable()
        settings, codes = inputs.section("augment"), class_codes(table.label, inputs.collection.dataset()[1])
        made: Counter[str] = Counter()
        for batch in batches(outlook.stages["split"].result, codes, table.id, settings, inputs.seed):
            made[batch.split] += len(batch.parents)
        return sized("augment", made, outlook.stages["convert"].result, settings)


AUGMENT: Final = Augment()


def _notes(inputs: StageInputs) -> Iterator[str]:
    """Notes for the user before any image is made."""
    settings: AugmentSettings = inputs.section("augment")
    for transform in settings.transforms:
        for problem in undone_by_normalization(transform, inputs.section("pack").kind):
            yield f"augment.transforms: {problem}"
    plain = inputs.section("source").masks == Masks() and inputs.section("convert").background is not None
    for transform in settings.stress if plain else ():
        if transform.needs_donor:
            yield (
                f"augment.stress: {transform.name}: the background of every image whose mask is its alpha channel is "
                "convert.alpha; set convert.alpha: ignore where a picture lies under the transparency"
            )
