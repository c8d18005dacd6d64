"""preview: a contact sheet of the spec's effect on a few images per class; the output folder is not touched."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.checks.base import UNLABELLED
from imgprep.commands.collection import collect
from imgprep.commands.contact_sheet import Cell, Picture, Row, sheet
from imgprep.commands.session import Request, engine_for
from imgprep.dataset.manifest import commit
from imgprep.engines.base import Heartbeat, Runner
from imgprep.errors import RequestError
from imgprep.pipeline.collection import Collection
from imgprep.pipeline.image_loop import Fault, over_images
from imgprep.pipeline.image_reader import ImageReader, Pixels
from imgprep.pipeline.plan import ShardPlan
from imgprep.spec.loading import LoadedSpec
from imgprep.stages.augment.donors import DonorPool, share_of
from imgprep.stages.augment.render import drawn, recipes
from imgprep.stages.convert.operations import mask_operations, operations
from imgprep.stages.convert.prepare import Operation, transform_mask
from imgprep.stages.split.allocate import keys
from imgprep.table.sample import Sample, SampleTable
from imgprep.transforms.base import DonorImages
from imgprep.util.output_file import check_output_file, check_outside

MAX_CLASSES: Final = 25
TRIES: Final = 10
"""Images of a class to try per image wanted, as some may be unreadable."""


class _Read(NamedTuple):
    """An image of the sheet.

    Attributes:
        label: its class.
        id: its id.
        image: (H, W, C) as the convert stage has it.
        mask: (H, W, 1) uint8 likewise; None without a mask.
        cells: its pictures so far.
    """

    label: str
    id: str
    image: Pixels
    mask: Pixels | None
    cells: tuple[Cell, ...]


class Amount(NamedTuple):
    """The extent of the sheet.

    Attributes:
        images: per class.
        draws: augmented copies per image.
    """

    images: int = 2
    draws: int = 4


USUAL: Final = Amount()


@dataclass(frozen=True, slots=True)
class Preview:
    """A finished sheet.

    Attributes:
        path: where it was written.
        images: number of images on it.
        notes: for the user, one line each.
    """

    path: Path
    images: int
    notes: tuple[str, ...] = ()


def preview(request: Request, path: Path, amount: Amount = USUAL) -> Preview:
    """Draws a contact sheet: images by rows, class by class; the original, each step, and some draws by columns.

    The draws are the copies 1, 2, ... of the augment stage, were the image a training image. A step that changes
    none of the images has no column.

    Args:
        request: the spec.
        path: of the PNG file.
        amount: the extent of the sheet.

    Raises:
        RequestError: the spec or the path is wrong, or none of the images can be read.
        ResourceError: the file cannot be written.
    """
    check_output_file(path, (".png",), "the contact sheet is a PNG file")
    loaded = request.load()
    check_outside(path, loaded.spec.source.source.path)
    engine = engine_for(loaded)
    engine.prepare()
    collection = collect(loaded, engine)
    notes = list(collection.notes)
    shown = _classes(collection)
    if len(shown) < len(collection.classes):
        notes.append(f"{len(shown)} of {len(collection.classes)} classes are shown")
    read = []
    for label, found in _read(loaded, collection, shown, amount.images, engine):
        read += found
        if not found:
            notes.append(f"{label}: no image can be read")
    if not read:
        raise RequestError(
            f"{loaded.where('source')}: none of the images can be read; `imgprep audit` lists the reasons"
        )
    donor_images = _donor_images(loaded, read)
    rows = [
        Row(one.label, one.id, (*one.cells, *_made(loaded, one, amount.draws, mine)))
        for one, mine in zip(read, donor_images, strict=True)
    ]
    picture = sheet(_without_idle_columns(rows, len(operations(loaded.spec.convert))))
    done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    if not done:
        raise RequestError(f"{path}: the sheet of {picture.shape[1]}x{picture.shape[0]} is too large; show less")
    commit(path, data.tobytes())
    return Preview(path, len(rows), tuple(notes))


def _classes(collection: Collection) -> dict[str, list[int]]:
    """Class -> rows of its usable images, for the classes on the sheet; all images where there are no labels."""
    table = collection.table
    usable = np.flatnonzero(table.ok())
    if not collection.reader.source.labelled:
        return {UNLABELLED: usable.tolist()}
    code = {name: number for number, name in enumerate(table.label.values)}
    labels = table.label.codes[usable]
    present = [name for name in collection.classes if name in code and (labels == code[name]).any()]
    return {name: usable[labels == code[name]].tolist() for name in present[:MAX_CLASSES]}


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads and converts the images of a class in a worker, as a hostile image may crash it.

    Attributes:
        reader: of the images, and of their masks where the spec uses them.
        steps: name -> operation on the image.
        mask_steps: operations on the mask.
        images: number of images to read.
    """

    reader: ImageReader
    steps: Mapping[str, Operation]
    mask_steps: tuple[Operation, ...]
    images: int

    def __call__(self, plan: ShardPlan[SampleTable], heartbeat: Heartbeat) -> list[_Read]:
        """The first images that can be read."""
        read: list[_Read] = []
        for _, _, found in over_images(plan.items, plan.excluded, heartbeat, self._converted):
            if not isinstance(found, Fault):
                read.append(found)
            if len(read) == self.images:
                heartbeat.done()
                break
        return read

    def _converted(self, sample: Sample) -> _Read:
        """One image with its pictures: the original, after each step, and its mask where masks are read."""
        found = self.reader(sample)
        image = found.pixels
        cells: list[Cell] = [("original", _visible(image))]
        for name, operation in self.steps.items():
            image = operation(image)
            cells.append((_caption(name, image), _visible(image)))
        if self.reader.masks is None:
            return _Read(sample.label, sample.id, image, None, tuple(cells))
        mask = None if found.mask is None else transform_mask(found.mask.pixels, self.mask_steps)
        cells.append(("mask", None if mask is None else _visible(mask)))
        return _Read(sample.label, sample.id, image, mask, tuple(cells))


def _read(
    loaded: LoadedSpec, collection: Collection, shown: Mapping[str, list[int]], images: int, engine: Runner
) -> Iterator[tuple[str, list[_Read]]]:
    """The first readable images of each class, in an order given by the seed."""
    section, seed = loaded.spec.convert, loaded.spec.seed
    reader = replace(collection.masked_reader, reduction=section.reduction())
    reading = _Reading(reader, operations(section), mask_operations(section), images)
    plans: list[ShardPlan[SampleTable]] = []
    for label, candidates in shown.items():
        ids = [collection.table.id[row] for row in candidates]
        order = np.argsort(keys(ids, seed), kind="stable")[: images * TRIES]
        plans.append(ShardPlan(len(plans), label, None, collection.table[np.array(candidates)[order]], ""))
    found: dict[str, list[_Read]] = {}
    for outcome in engine.run(reading, plans):
        if outcome.error is not None:
            raise outcome.error
        found[outcome.plan.filename] = outcome.value or []
    return ((label, found[label]) for label in shown)


def _donor_images(loaded: LoadedSpec, read: list[_Read]) -> list[dict[str, DonorImages]]:
    """For each image, recipe -> donor images, chosen from the sheet as `augment` chooses from all images."""
    donor_images: list[dict[str, DonorImages]] = [{} for _ in read]
    section, seed = loaded.spec.augment, loaded.spec.seed
    classes = sorted({one.label for one in read})
    labels = np.array([classes.index(one.label) for one in read])
    ids = [one.id for one in read]
    known = np.array([one.mask is not None for one in read])
    try:
        pool = DonorPool.of(known, known, labels, lambda rows: keys([ids[row] for row in rows], seed))
    except RequestError:
        return donor_images
    for recipe, chain in recipes(section).items() if section is not None else ():
        for number in np.flatnonzero(known).tolist() if chain.needs_donor else ():
            one, other = read[number], read[pool.donor(int(labels[number]), share_of(seed, ids[number], recipe, 1))]
            if one.mask is not None and other.mask is not None and one.image.shape == other.image.shape:
                donor_images[number][recipe] = DonorImages(one.mask[..., 0], other.image, other.mask[..., 0])
    return donor_images


def _made(loaded: LoadedSpec, one: _Read, draws: int, donor_images: Mapping[str, DonorImages]) -> Iterator[Cell]:
    """The augmented copies of one image."""
    section, image = loaded.spec.augment, one.image
    if section is None:
        return
    shape = (image.shape[0], image.shape[1], image.shape[2])
    for recipe, chain in recipes(section).items():
        for number in range(1, (1 if recipe else draws) + 1):
            if chain.transforms:
                name = f"mix {recipe}" if recipe in section.mix else f"test-{recipe}" if recipe else f"copy {number}"
                records = drawn(chain, (loaded.spec.seed, one.id, recipe, number), shape)
                lonely = chain.needs_donor and recipe not in donor_images
                yield name, None if lonely else _visible(chain.apply(image, records, donor_images.get(recipe)))


def _caption(name: str, image: Pixels) -> str:
    """The caption of a step.

    >>> _caption("size", np.zeros((64, 48, 3), np.uint8)), _caption("1 equalize", np.zeros((64, 48, 3), np.uint8))
    ('size 64 x 48', 'equalize')
    """
    if name == "size":
        return f"size {image.shape[0]} x {image.shape[1]}"
    number, _, step = name.partition(" ")
    return step.replace("_", " ") if number.isdigit() and step != "bit" else name


def _visible(image: Pixels) -> NDArray[np.uint8]:
    """(H, W, 3) uint8, for display."""
    eight: NDArray[np.uint8] = (image >> 8).astype(np.uint8) if image.dtype == np.uint16 else image.astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(eight, (*eight.shape[:2], 3)))


def _without_idle_columns(rows: list[Row], steps: int) -> list[Row]:
    """Leaves out the steps that change no image."""

    def same(one: Picture | None, other: Picture | None) -> bool:
        return one is not None and other is not None and np.array_equal(one, other)

    idle = {
        column
        for column in range(1, steps + 1)
        if all(same(row.cells[column][1], row.cells[column - 1][1]) for row in rows)
    }
    return [
        row._replace(cells=tuple(cell for column, cell in enumerate(row.cells) if column not in idle)) for row in rows
    ]
