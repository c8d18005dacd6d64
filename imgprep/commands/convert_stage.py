"""The convert stage of a spec: from its section to operations and their settings."""

from functools import partial
from typing import Final

from imgprep.commands.collection import Collection
from imgprep.commands.estimates import Outlook, StageEstimate, sized
from imgprep.commands.inputs import StageInputs
from imgprep.dataset.manifest import ImageFormat
from imgprep.decoding.decode import DecodeOptions
from imgprep.pipeline.writer import Storage
from imgprep.shards import FORMATS
from imgprep.spec.fields import Storage as StorageSection
from imgprep.spec.images import ConvertSection
from imgprep.spec.loading import LoadedSpec
from imgprep.stages.convert.prepare import Operation, Prepare
from imgprep.stages.convert.stage import Conversion
from imgprep.transforms.base import ShapeKept
from imgprep.transforms.channels import to_depth, to_gray, to_rgb
from imgprep.transforms.resize import Fit


def conversion(loaded: LoadedSpec, collection: Collection) -> Conversion:
    """The convert stage of a spec."""
    spec = loaded.spec
    section = spec.convert
    storage = storage_of(section)
    settings = {name: getattr(section, name) for name in ("channels", "size", "fit", "fill", "interpolation", "depth")}
    if (limit := collection.reader.options.max_pixels) != DecodeOptions().max_pixels:
        settings["max_pixels"] = limit
    if section.color_profile != "ignore":
        settings["color_profile"] = section.color_profile
    if collection.masks is not None:
        settings["masks"] = collection.masks.attribute or "alpha"
    return Conversion(
        name=spec.name,
        table=collection.table,
        classes=collection.classes,
        prepare=Prepare(
            collection.masked_reader,
            tuple(operations(section).values()),
            image_format(section),
            mask_operations(section),
        ),
        storage=storage,
        settings=settings
        | {"steps": list(map(repr, section.steps)), "alpha": section.background, "storage": storage.settings()},
        origin=f"{spec.source.source!r} {spec.source.source.digest()}{collection.masks_digest}",
        seed=spec.seed,
        where=loaded.where("convert"),
    )


def operations(section: ConvertSection) -> dict[str, Operation]:
    """What is done to every image, by name and in this order: channels, size, steps, depth."""
    done: dict[str, Operation] = {}
    if section.channels != "keep":
        done[section.channels] = to_gray if section.channels == "gray" else to_rgb
    if section.size is not None:
        done["size"] = Fit(size=section.size, mode=section.fit, interpolation=section.interpolation, fill=section.fill)
    for number, step in enumerate(section.steps, 1):
        done[f"{number} {step.name}"] = step
    if section.depth != "keep":
        done[f"{section.depth} bit"] = partial(to_depth, depth=section.depth)
    return done


def mask_operations(section: ConvertSection) -> tuple[Operation, ...]:
    """What is done to the mask of every image: what `operations` does, as far as it moves pixels."""
    return tuple(done.on_mask for done in operations(section).values() if isinstance(done, Fit | ShapeKept))


def image_format(section: ConvertSection) -> ImageFormat | None:
    """What every image looks like after the operations, when they alone decide it."""
    if section.size is None or section.channels == "keep" or section.depth == "keep":
        return None
    shape = (*section.size, 1 if section.channels == "gray" else 3)
    for step in section.steps:
        shape = step.output_shape(shape)
    return ImageFormat(shape, f"uint{section.depth}")


def storage_of(section: StorageSection) -> Storage:
    """How a section wants its shards stored."""
    return Storage(FORMATS[section.format], section.compression, section.shard_size)


class Convert:
    """The convert stage as the spec defines it; see `StageDefinition`."""

    def check(self, inputs: StageInputs) -> None:
        """Any source that can be listed can be converted."""

    def work(self, inputs: StageInputs) -> Conversion:
        """The stage over the whole source."""
        return conversion(inputs.loaded, inputs.collection)

    def estimate(self, outlook: Outlook) -> StageEstimate:
        """One image is decoded when the spec does not say how large they are."""
        stage = self.work(outlook.inputs)
        _, outlook.image = stage.image(outlook.inputs.context)
        return sized("convert", {"all": len(outlook.usable())}, outlook.image, stage.storage)


CONVERT: Final = Convert()
