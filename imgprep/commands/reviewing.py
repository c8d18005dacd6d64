"""The draw of a review: a random sample of images for a second person to label."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from imgprep.audit.label_errors import draw_review, read_review, review_rows
from imgprep.audit.report.contact import contact_sheet
from imgprep.commands.pipeline import Pipeline
from imgprep.dataset.manifest import commit
from imgprep.errors import RequestError, ResourceError, one_line
from imgprep.spec.loading import LoadedSpec
from imgprep.stages.run import Machine
from imgprep.stages.thumbnailing import thumbnails

NAME: Final = "review.csv"
FOLDER: Final = "audit"


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was written.

    Attributes:
        table: to be filled in.
        page: shows the images, to be looked at meanwhile.
        images: how many were drawn.
    """

    table: Path
    page: Path
    images: int

    def text(self) -> str:
        """What to do now."""
        return (
            f"{self.table}: {self.images} images to be labelled by a second person, who looks at {self.page}\n"
            f"then: imgprep audit SPEC --set audit.rules.label-errors.review={self.table.absolute()}"
        )


def review(loaded: LoadedSpec, machine: Machine, size: int, path: Path | None) -> Drawn:
    """Draws a stratified random sample and writes the table to fill in, with a page that shows the images.

    Args:
        loaded: the spec.
        machine: where thumbnails are made; when it is to force, a table that has been filled in is replaced.
        size: how many images; all when there are fewer.
        path: of the table; in the folder of the audit when left out.

    Raises:
        RequestError: the table has been filled in, or is something else.
    """
    path = path or machine.workspace.stage(FOLDER) / NAME
    if path.suffix.lower() != ".csv":
        raise RequestError(f"{one_line(path)}: a review is a CSV table; give a name that ends in .csv")
    if not machine.force:
        _refuse_to_replace(path)
    collection = Pipeline(loaded, machine).collection
    rows = draw_review(collection.table, size, loaded.spec.seed)
    chosen = collection.table[rows]
    shown = thumbnails(machine, collection.reader, chosen, "review")
    entries = [(sample.id, sample.label) for sample in chosen]
    page = path.with_suffix(".html")
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(review_rows(collection.table, rows))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        commit(page, contact_sheet(loaded.spec.name, entries, shown).encode("utf-8", "backslashreplace"))
        commit(path, lines.getvalue().encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise ResourceError(f"{one_line(path)}: cannot write: {error.strerror}; give another place with -o") from error
    return Drawn(path, page, len(rows))


def _refuse_to_replace(path: Path) -> None:
    if not path.exists():
        return
    if any(read_review(path).reviewed):
        raise RequestError(f"{one_line(path)}: holds labels that somebody gave; name another with -o, or use --force")
