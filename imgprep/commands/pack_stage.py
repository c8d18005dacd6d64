"""The pack stage of a spec."""

from typing import Final, cast

from imgprep.commands.convert_stage import storage_of
from imgprep.commands.estimates import Outlook, StageEstimate, sized
from imgprep.commands.inputs import StageInputs
from imgprep.dataset.manifest import ImageFormat
from imgprep.spec.loading import LoadedSpec
from imgprep.stages.pack.stage import Packing, PackSettings
from imgprep.transforms.normalize import Kind


def pack_settings(loaded: LoadedSpec) -> PackSettings:
    """The settings of the stage."""
    section = loaded.spec.pack
    kind = cast("Kind", section.kind)
    return PackSettings(
        section.layout, section.dtype, kind, section.labels, section.shuffle, loaded.spec.seed, section.statistics
    )


class Pack:
    """The pack stage as the spec defines it; see `StageDefinition`."""

    def check(self, inputs: StageInputs) -> None:
        """What a spec may ask for was checked when it was read."""

    def work(self, inputs: StageInputs) -> Packing:
        """The stage over the converted and the augmented images."""
        return Packing(
            images=inputs.images("convert"),
            assignment=inputs.assignment,
            splits=inputs.bring("split").manifest,
            augmented=inputs.images("augment") if inputs.has("augment") else None,
            storage=storage_of(inputs.loaded.spec.pack),
            settings=pack_settings(inputs.loaded),
        )

    def estimate(self, outlook: Outlook) -> StageEstimate:
        """Every image of the splits and every copy, in the type that the spec asks for."""
        assert outlook.image is not None
        loaded, rows = outlook.inputs.loaded, dict[str, int]()
        for stage in ("split", "augment"):
            for split, count in outlook.stages[stage].rows.items() if stage in outlook.stages else ():
                rows[split] = rows.get(split, 0) + count
        packed = ImageFormat(outlook.image.shape, pack_settings(loaded).dtype)
        return sized("pack", rows, packed, storage_of(loaded.spec.pack))


PACK: Final = Pack()
