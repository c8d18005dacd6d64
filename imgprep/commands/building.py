"""From the sections of a spec to the collection and to what converts it."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from imgprep.commands.listing import listing
from imgprep.decoding.decode import DecodeOptions
from imgprep.engines import Engine
from imgprep.errors import one_line
from imgprep.manifest import ImageFormat
from imgprep.sample import SampleTable
from imgprep.shards import FORMATS
from imgprep.sources.masks import MaskListing, Masks
from imgprep.spec.fields import Storage as StorageSection
from imgprep.spec.images import ConvertSection
from imgprep.spec.loading import LoadedSpec
from imgprep.spec.problems import unknown
from imgprep.stages.convert import Conversion
from imgprep.stages.loading import ImageReader
from imgprep.stages.prepare import Operation, Prepare
from imgprep.stages.writer import Storage
from imgprep.transforms.base import ShapeKept
from imgprep.transforms.channels import to_depth, to_gray, to_rgb
from imgprep.transforms.resize import Fit

SHOWN: Final = 5
"""Names that a note gives."""


@dataclass(frozen=True, slots=True)
class Collection:
    """A source, listed.

    Attributes:
        table: every entry found.
        classes: in index order, those without images included.
        reader: of the images.
        masks: where their masks are; None when nobody asks.
        masks_digest: a value that changes when one of the masks' files does.
        notes: what the user should know, one line each.
    """

    table: SampleTable
    classes: tuple[str, ...]
    reader: ImageReader
    masks: Masks | None = None
    masks_digest: str = ""
    notes: tuple[str, ...] = ()

    @property
    def masked_reader(self) -> ImageReader:
        """The reader, that looks for masks where the spec asks for them."""
        return replace(self.reader, masks=self.masks)


def collect(loaded: LoadedSpec, engine: Engine) -> Collection:
    """Lists the source of a spec.

    Args:
        loaded: the spec.
        engine: where a file of many images is read.

    Raises:
        RequestError: there is nothing in it that could be an image.
        SourceError: it is refused as a whole.
    """
    section = loaded.spec.source
    listed = listing(section.source, section.attributes, engine)
    masks = MaskListing(section.masks) if section.masks is not None else None
    table = listed.table if masks is None else SampleTable.of(masks.join(listed.table))
    if not bool((~table.status.where("skipped")).any()):
        raise loaded.error(f"no images: {len(table)} entries, none of them an image in this layout", "source", "path")
    if section.masks is not None and section.masks.attribute not in {"", *table.attributes}:
        text = unknown("attribute", section.masks.attribute, list(table.attributes))
        raise loaded.error(text, "source", "masks", "attribute")
    reader = ImageReader(section.source, DecodeOptions(background=loaded.spec.convert.background))
    notes = (*_empty(table, listed.classes), *listed.notes)
    digest = masks.digest() if masks is not None else ""
    return Collection(table, listed.classes, reader, section.masks, digest, notes)


def _empty(table: SampleTable, classes: tuple[str, ...]) -> tuple[str, ...]:
    """Classes that no image has; they keep their place in the order of classes."""
    empty = sorted({*classes} - {*table.classes()})
    if not empty:
        return ()
    names = one_line(", ".join(empty[:SHOWN])) + (f" and {len(empty) - SHOWN} more" if len(empty) > SHOWN else "")
    return (f"classes without an image: {names}",)


def conversion(loaded: LoadedSpec, collection: Collection) -> Conversion:
    """The convert stage of a spec."""
    spec = loaded.spec
    section = spec.convert
    storage = storage_of(section)
    settings = {name: getattr(section, name) for name in ("channels", "size", "fit", "fill", "interpolation", "depth")}
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
