"""The draw of a review: a random sample of images for a second person to label."""

import csv
import io
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgprep.checks.reports.contact import contact_sheet
from imgprep.checks.review import draw_review
from imgprep.checks.thumbnails import thumbnails
from imgprep.commands.label_tables import is_filled_in, review_rows
from imgprep.commands.pipeline import Pipeline
from imgprep.dataset.manifest import commit
from imgprep.errors import RequestError, ResourceError, one_line
from imgprep.pipeline.collection import Collection
from imgprep.pipeline.runner import RunContext
from imgprep.spec.loading import LoadedSpec

NAME: Final = "review.csv"
FOLDER: Final = "audit"


@dataclass(frozen=True, slots=True)
class Drawn:
    """The files that were written.

    Attributes:
        table: to be filled in.
        page: shows the images, to be looked at meanwhile.
        spec: the path of the spec file.
        images: how many were drawn.
        unreadable: how many were drawn first, cannot be read, and were replaced by others.
    """

    table: Path
    page: Path
    spec: str
    images: int
    unreadable: int = 0

    def text(self) -> str:
        """The next step, for people."""
        lines = [f"{self.table}: {self.images} images to be labelled by a second person, who looks at {self.page}"]
        if self.unreadable:
            lines.append(f"left out: {self.unreadable} images that cannot be read; see imgprep audit")
        setting = shlex.quote(f"audit.rules.label-errors.review={self.table.absolute()}")
        return "\n".join([*lines, f"then: imgprep audit {shlex.quote(self.spec)} --set {setting}"])


def review(loaded: LoadedSpec, context: RunContext, size: int, path: Path | None) -> Drawn:
    """Draws a stratified random sample and writes the table to fill in, with a page that shows the images.

    Args:
        loaded: the spec.
        context: where thumbnails are made; when it is to force, a table that has been filled in is replaced.
        size: how many images; all when there are fewer.
        path: of the table; in the folder of the audit when left out.

    Raises:
        RequestError: the table has been filled in, or is something else; or no image can be read.
    """
    path = path or context.workspace.stage(FOLDER) / NAME
    if path.suffix.lower() != ".csv":
        raise RequestError(f"{one_line(path)}: a review is a CSV table; give a name that ends in .csv")
    if not context.force:
        _refuse_to_replace(path)
    collection = Pipeline(loaded, context).collection
    rows, shown, unreadable = _draw(context, collection, size, loaded.spec.seed)
    entries = [(sample.id, sample.label) for sample in collection.table[rows]]
    page = path.with_suffix(".html")
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(review_rows(collection.table, rows))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        commit(page, contact_sheet(loaded.spec.name, entries, shown).encode("utf-8", "backslashreplace"))
        commit(path, lines.getvalue().encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise ResourceError(f"{one_line(path)}: cannot write: {error.strerror}; give another place with -o") from error
    return Drawn(path, page, loaded.file, len(rows), unreadable)


def _draw(
    context: RunContext, collection: Collection, size: int, seed: int
) -> tuple[NDArray[np.intp], dict[str, bytes], int]:
    """The rows drawn, their thumbnails, and how many others were drawn and cannot be read, and so not labelled.

    Raises:
        RequestError: not one image can be read.
    """
    table = collection.table
    unreadable = np.zeros(len(table), bool)
    while True:
        rows = draw_review(table, size, seed, unreadable)
        shown = thumbnails(context, collection.reader, table[rows], "review")
        missing = [row for row in rows.tolist() if table.id[row] not in shown]
        if not missing:
            break
        unreadable[missing] = True
    if not len(rows):
        raise RequestError("no image of the collection can be read, so there is nothing to review; see imgprep audit")
    return rows, shown, int(unreadable.sum())


def _refuse_to_replace(path: Path) -> None:
    if not path.exists():
        return
    if is_filled_in(path):
        raise RequestError(f"{one_line(path)}: holds labels that somebody gave; name another with -o, or use --force")
