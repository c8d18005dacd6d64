"""Derives the pack stage from the spec."""

from dataclasses import replace
from typing import Final

from imgprep.pipeline.estimates import Outlook, StageEstimate, sized
from imgprep.pipeline.inputs import StageInputs
from imgprep.settings.problems import shown
from imgprep.stages.pack.settings import PackSettings
from imgprep.stages.pack.split_images import SplitImages
from imgprep.stages.pack.stage import Packing
from imgprep.stages.split.stage import read_assignment

ARRAYS: Final = ("image", "label", "id", "parent", "checksum")
"""In the group of each class."""


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
        """Refuses groups of classes in which an array and an inner class would have one name."""
        settings: PackSettings = inputs.section("pack")
        if settings.layout == "by_class":
            _, classes = inputs.collection.dataset()
            known = {*classes}
            arrays = {*ARRAYS, *(target.name for target in inputs.collection.targets)}
            for inner in classes:
                levels = inner.split("/")
                for depth in range(1, len(levels)):
                    outer, name = "/".join(levels[:depth]), levels[depth]
                    if outer in known and name in arrays:
                        text = f"the class {shown(inner)} would be in the place of the array {name} of {shown(outer)}"
                        raise inputs.error(f"{text}; take layout: flat", "pack", "layout")

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
