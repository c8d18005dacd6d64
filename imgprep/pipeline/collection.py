"""The source of a spec, listed: what the stages are made of."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from imgprep.pipeline.decided import Decided
from imgprep.pipeline.image_reader import ImageReader
from imgprep.sources.masks import Masks
from imgprep.table.columns import CategoryColumn
from imgprep.table.sample import SampleTable
from imgprep.table.targets import Target

IMAGE: Final = "image"
"""The class of images that have further answers and no labels."""


@dataclass(frozen=True, slots=True)
class Collection:
    """A source, listed.

    Attributes:
        table: every entry found.
        classes: in index order, those without images included.
        reader: of the images.
        masks: where their masks are; None to read none.
        masks_digest: a value that changes when one of the masks' files does.
        notes: what the user should know, one line each.
        decided: what decisions did to it; None without any.
        targets: that the table has columns of.
    """

    table: SampleTable
    classes: tuple[str, ...]
    reader: ImageReader
    masks: Masks | None = None
    masks_digest: str = ""
    notes: tuple[str, ...] = ()
    decided: Decided | None = None
    targets: tuple[Target, ...] = ()

    def dataset(self) -> tuple[SampleTable, tuple[str, ...]]:
        """The entries and the classes of a dataset made of it; without labels all images are of the one `IMAGE`."""
        if self.reader.source.labelled:
            return self.table, self.classes
        label = CategoryColumn(np.zeros(len(self.table), np.uint8), (IMAGE,))
        return self.table.with_columns(label=label), (IMAGE,)

    @property
    def undecided(self) -> SampleTable:
        """Every entry found, as it was listed, before decisions."""
        return self.table if self.decided is None else self.decided.undecided

    @property
    def masked_reader(self) -> ImageReader:
        """The reader, that looks for masks where the spec asks for them."""
        return replace(self.reader, masks=self.masks)
