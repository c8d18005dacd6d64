"""Derives the convert stage from the spec."""

from dataclasses import replace
from typing import Final

from imgprep.dataset.diff import nested
from imgprep.pipeline.estimates import Outlook, StageEstimate, sized
from imgprep.pipeline.inputs import StageInputs
from imgprep.stages.convert.operations import image_format, mask_operations, operations, unchanged
from imgprep.stages.convert.prepare import Prepare
from imgprep.stages.convert.settings import ConvertSettings
from imgprep.stages.convert.stage import Conversion


class Convert:
    """The convert stage as the spec defines it; see `StageDefinition`."""

    def check(self, inputs: StageInputs) -> None:
        """Any source that can be listed can be converted."""

    def work(self, inputs: StageInputs) -> Conversion:
        """The stage over the whole source."""
        settings: ConvertSettings = inputs.section("convert")
        collection, source = inputs.collection, inputs.section("source").source
        table, classes = collection.dataset()
        reader = replace(collection.masked_reader, reduction=settings.reduction())
        done = tuple(operations(settings).values())
        return Conversion(
            name=inputs.name,
            table=table,
            classes=classes,
            prepare=Prepare(
                reader, done, image_format(settings), mask_operations(settings), unchanged=unchanged(settings)
            ),
            settings=settings,
            origin={
                "layout": source.layout,
                **nested(source.origin()),
                "file": {"digest": source.digest()},
                "mask files": {"digest": collection.masks_digest},
            },
            seed=inputs.seed,
            where=inputs.where("convert"),
            preprocessed=source.preprocessed(),
            decisions=collection.decided.summary() if collection.decided is not None else None,
            targets=collection.targets,
        )

    def estimate(self, outlook: Outlook) -> StageEstimate:
        """One image is decoded when the spec does not say how large they are."""
        stage = self.work(outlook.inputs)
        _, image = stage.image(outlook.inputs.context)
        return sized("convert", {"all": len(outlook.usable())}, image, stage.settings)


CONVERT: Final = Convert()
