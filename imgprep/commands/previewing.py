"""preview: a contact sheet of what the spec does to a few images of each class; no output folder is touched."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.commands.augmenting import recipes
from imgprep.commands.building import Collection, collect, operations
from imgprep.commands.contact import Row, sheet
from imgprep.commands.session import Request, engine_for
from imgprep.decoding.damage import quiet_stderr
from imgprep.engines.base import Cursor
from imgprep.errors import ImageError, RequestError
from imgprep.manifest import commit
from imgprep.sample import Sample, SampleTable
from imgprep.spec.images import AugmentSection
from imgprep.spec.loading import LoadedSpec
from imgprep.stages.assignment import keys
from imgprep.stages.augment import drawn
from imgprep.stages.loading import ImageReader, Pixels
from imgprep.stages.plan import ShardPlan
from imgprep.stages.prepare import Operation

MAX_CLASSES: Final = 25
TRIES: Final = 10
"""Images of a class that are tried for each that is wanted; the others may be unreadable."""


class Amount(NamedTuple):
    """How much is shown.

    Attributes:
        images: of each class.
        draws: of each image.
    """

    images: int = 2
    draws: int = 4


USUAL: Final = Amount()


@dataclass(frozen=True, slots=True)
class Preview:
    """A finished sheet.

    Attributes:
        path: where it was written.
        images: how many images are on it.
        notes: what the user should know, one line each.
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
        amount: how much is shown.

    Raises:
        RequestError: the spec is wrong, or none of the images can be read.
        ResourceError: the file cannot be written.
    """
    loaded = request.load()
    collection = collect(loaded, engine_for(loaded))
    notes = list(collection.notes)
    shown = _classes(collection)
    if len(shown) < len(collection.classes):
        notes.append(f"{len(shown)} of {len(collection.classes)} classes are shown")
    rows = []
    for label, found in _rows(loaded, collection, shown, amount):
        rows += found
        if not found:
            notes.append(f"{label}: no image can be read")
    if not rows:
        raise RequestError(
            f"{loaded.where('source')}: none of the images can be read; `imgprep audit` lists the reasons"
        )
    picture = sheet(_without_idle_columns(rows, len(operations(loaded.spec.convert))))
    done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    if not done:
        raise RequestError(f"{path}: the sheet of {picture.shape[1]}x{picture.shape[0]} is too large; show less")
    commit(path, data.tobytes())
    return Preview(path, len(rows), tuple(notes))


def _classes(collection: Collection) -> dict[str, list[int]]:
    """The rows of the usable images of each class that is shown."""
    table = collection.table
    usable = np.flatnonzero(table.ok())
    code = {name: number for number, name in enumerate(table.label.values)}
    labels = table.label.codes[usable]
    present = [name for name in collection.classes if name in code and (labels == code[name]).any()]
    return {name: usable[labels == code[name]].tolist() for name in present[:MAX_CLASSES]}


@dataclass(frozen=True, slots=True)
class _Draw:
    """Makes the rows of a class in a worker, which a hostile image may kill.

    Attributes:
        reader: of the images.
        steps: what is done to each, by name.
        section: how they are augmented.
        seed: of the draws.
        amount: how much is shown.
    """

    reader: ImageReader
    steps: Mapping[str, Operation]
    section: AugmentSection | None
    seed: int
    amount: Amount

    def __call__(self, plan: ShardPlan[SampleTable], cursor: Cursor) -> list[Row]:
        """The rows of the first images that can be read."""
        rows: list[Row] = []
        with quiet_stderr():
            for item, sample in enumerate(plan.items):
                if len(rows) == self.amount.images:
                    break
                cursor.at(item)
                if item in plan.excluded:
                    continue
                with suppress(ImageError):
                    image = self.reader(sample).pixels
                    rows.append(Row(sample.label, sample.id, tuple(self._cells(sample, image))))
            cursor.done()
        return rows

    def _cells(self, sample: Sample, image: Pixels) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """What one image is at first, after each step, and in each draw: (caption, (H, W, 3) uint8)."""
        yield "original", _visible(image)
        for name, operation in self.steps.items():
            image = operation(image)
            yield _caption(name, image), _visible(image)
        section = self.section
        if section is None:
            return
        shape = (image.shape[0], image.shape[1], image.shape[2])
        for recipe, chain in recipes(section).items():
            for number in range(1, (1 if recipe else self.amount.draws) + 1):
                if chain.transforms:
                    records = drawn(chain, (self.seed, sample.id, recipe, number), shape)
                    made = (
                        f"mix {recipe}" if recipe in section.mix else f"test-{recipe}" if recipe else f"copy {number}"
                    )
                    yield made, _visible(chain.apply(image, records))


def _made(section: AugmentSection, recipe: str, number: int) -> str:
    """What a draw is called on the sheet."""
    if not recipe:
        return f"copy {number}"
    return f"mix {recipe}" if recipe in section.mix else f"test-{recipe}"


def _rows(
    loaded: LoadedSpec, collection: Collection, shown: Mapping[str, list[int]], amount: Amount
) -> list[tuple[str, list[Row]]]:
    """The rows of each class: those of its images that the seed puts first, unreadable ones passed over."""
    spec = loaded.spec
    draw = _Draw(collection.reader, operations(spec.convert), spec.augment, spec.seed, amount)
    plans: list[ShardPlan[SampleTable]] = []
    for label, candidates in shown.items():
        ids = [collection.table.id[row] for row in candidates]
        order = np.argsort(keys(ids, spec.seed), kind="stable")[: amount.images * TRIES]
        plans.append(ShardPlan(len(plans), label, None, collection.table[np.array(candidates)[order]], ""))
    found: dict[str, list[Row]] = {}
    for outcome in engine_for(loaded).run(draw, plans):
        if outcome.error is not None:
            raise outcome.error
        found[outcome.plan.filename] = outcome.value or []
    return [(label, found[label]) for label in shown]


def _caption(name: str, image: Pixels) -> str:
    """What a step is called on the sheet.

    >>> _caption("size", np.zeros((64, 48, 3), np.uint8)), _caption("1 equalize", np.zeros((64, 48, 3), np.uint8))
    ('size 64 x 48', 'equalize')
    """
    if name == "size":
        return f"size {image.shape[0]} x {image.shape[1]}"
    number, _, step = name.partition(" ")
    return step.replace("_", " ") if number.isdigit() and step != "bit" else name


def _visible(image: Pixels) -> NDArray[np.uint8]:
    """(H, W, 3) uint8, as a screen shows it."""
    eight: NDArray[np.uint8] = (image >> 8).astype(np.uint8) if image.dtype == np.uint16 else image.astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(eight, (*eight.shape[:2], 3)))


def _without_idle_columns(rows: list[Row], steps: int) -> list[Row]:
    """Leaves out the steps that change no image."""
    idle = {
        column
        for column in range(1, steps + 1)
        if all(np.array_equal(row.cells[column][1], row.cells[column - 1][1]) for row in rows)
    }
    return [
        row._replace(cells=tuple(cell for column, cell in enumerate(row.cells) if column not in idle)) for row in rows
    ]
