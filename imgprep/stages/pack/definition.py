"""Derives the pack stage from the spec."""

from dataclasses import replace
from typing import Final

from imgprep.pipeline.estimates import Outlook, StageEstimate, sized
from imgprep.pipeline.inputs import StageInputs
from imgprep.stages.pack.settings import PackSettings
from imgprep.stages.pack.split_images import SplitImages
from imgprep.stages.pack.stage import Packing
from imgprep.stages.split.stage import read_assignment


def split_images(inputs: StageInputs) -> SplitImages:
    """The images of all splits, originals and copies, brought up to date."""
    split = inputs.bring("split")
    return SplitImages(
        images=inputs.images("convert"),
        assignment=read_assignment(split.folder),
        splits=split.manifest,
        augmented=inputs.images("augment") if inputs.has("augment") else None,
        seed=inputs.seed,
    )


def estimated_rows(outlook: Outlook) -> dict[str, int]:
    """Split -> number of its images and copies."""
    rows = dict[str, int]()
    for stage in ("split", "augment"):
        for split, count in outlook.stages[stage].rows.items() if stage in outlook.stages else ():
            rows[split] = rows.get(split, 0) + count
    return rows


class Pack:
    """The pack stage as the spec defines it; see `StageDefinition`."""

    def check(self, inputs: StageInputs) -> None:
        """Nothing to check: the section was validated when the spec was read."""

    def work(self, inputs: StageInputs) -> Packing:
        """The stage over the converted and the augmented images."""
        return Packing(split_images(inputs), inputs.section("pack"))

    def estimate(self, outlook: Outlook) -> StageEstimate:
        """Estimates every image of the splits and every copy, in the dtype of the spec."""
        settings: PackSettings = outlook.inputs.section("pack")
        rows = estimated_rows(outlook)
        image = replace(outlook.stages["convert"].result, dtype=settings.dtype)
        return sized("pack", rows, image, settings)


PACK: Final = Pack()
