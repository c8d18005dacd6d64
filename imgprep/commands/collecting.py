"""The source of a spec, listed."""

from dataclasses import dataclass, replace

from imgprep.commands.class_list import class_notes, class_order, unlisted
from imgprep.commands.listing import listing
from imgprep.decoding.decode import DecodeOptions
from imgprep.engines import Engine
from imgprep.sample import SampleTable
from imgprep.sources.masks import MaskListing, Masks
from imgprep.spec.loading import LoadedSpec
from imgprep.spec.problems import unknown
from imgprep.stages.loading import ImageReader


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
    classes = class_order(listed, section.classes)
    if (section.classes or listed.order) and (complaint := unlisted(listed, classes)):
        raise loaded.error(complaint, "source", "classes" if section.classes else "class_names")
    notes = (*class_notes(listed, classes), *listed.notes)
    digest = masks.digest() if masks is not None else ""
    return Collection(table, classes, reader, section.masks, digest, notes)
