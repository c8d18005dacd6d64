"""The draw of a review: images for a second person to label, in a table to be filled in or on a page that does that."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imgprep.checks.reports.contact import contact_sheet
from imgprep.commands.label_tables import NONE, UNSURE, is_filled_in
from imgprep.commands.review_draw import LARGE, NAMES, Choice, label_rule, prepare, table_path
from imgprep.dataset.manifest import commit
from imgprep.errors import RequestError, ResourceError, one_line
from imgprep.pipeline.collection import Collection
from imgprep.pipeline.runner import RunContext
from imgprep.review.session import Judged, LabelSession, SavedFile, Shown, table_of
from imgprep.spec.loading import LoadedSpec
from imgprep.stages.split.allocate import keys
from imgprep.util.quantity import quantity

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class Drawn:
    """The files that were written.

    Attributes:
        table: to be filled in.
        page: shows the images, to be looked at meanwhile.
        spec: the path of the spec file.
        images: how many were drawn.
        unreadable: how many were drawn first, cannot be read, and were replaced by others.
        mode: as in `Choice`.
    """

    table: Path
    page: Path
    spec: str
    images: int
    unreadable: int = 0
    mode: str = "sample"

    def text(self) -> str:
        """The next step, for people."""
        lines = [f"{self.table}: {quantity(self.images)} to be labelled by a second person, who looks at {self.page}"]
        if self.unreadable:
            lines.append(f"left out: {quantity(self.unreadable)} that cannot be read; see imgprep audit")
        return "\n".join([*lines, next_step(self.spec, self.table, self.mode)])


def next_step(spec: str, table: Path, mode: str = "sample") -> str:
    """The command that judges a table that is filled in."""
    if mode != "sample":
        return "suspects are no random sample, so they say nothing of the other labels: correct those that differ"
    setting = shlex.quote(f"audit.rules.label-errors.review={table.absolute()}")
    return f"then: imgprep audit {shlex.quote(spec)} --set {setting}"


def review(loaded: LoadedSpec, context: RunContext, choice: Choice) -> Drawn:
    """Draws the images and writes the table to fill in, with a page that shows them.

    Args:
        loaded: the spec.
        context: where thumbnails are made; when it is to force, a table that has been filled in is replaced.
        choice: of the images and the table.

    Raises:
        RequestError: the table has been filled in, or is something else; or no image can be read.
    """
    path = table_path(loaded, context, choice.table, NAMES[choice.mode])
    if not context.force and not choice.extend and path.exists() and is_filled_in(path):
        raise RequestError(
            f"{one_line(path)}: holds labels that somebody gave; name another with -o, or use --extend or --force"
        )
    drawn = prepare(loaded, context, choice, going_on=choice.extend)
    entries = list(drawn.entries())
    page = path.with_suffix(".html")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet = contact_sheet(loaded.spec.name, ((id_, label) for id_, label, _ in entries), drawn.pictures)
        commit(page, sheet.encode("utf-8", "backslashreplace"))
        commit(path, table_of([*entries, *drawn.others()]))
    except OSError as error:
        raise ResourceError(f"{one_line(path)}: cannot write: {error.strerror}; give another place with -o") from error
    return Drawn(path, page, loaded.file, len(entries), drawn.unreadable, choice.mode)


def open_session(loaded: LoadedSpec, context: RunContext, choice: Choice, *, blank: bool = False) -> LabelSession:
    """Draws the images for a page, or continues an existing table.

    Args:
        loaded: the spec.
        context: where the images are made smaller; when it is to force, a table that is there is replaced.
        choice: of the images and the table.
        blank: for somebody else: the images of the table, without its answers, and the table is left alone.

    Raises:
        RequestError: the table is something else, or no image can be read.
        ResourceError: the table cannot be written.
    """
    drawn = prepare(loaded, context, choice, going_on=True, side=LARGE)
    entries = list(drawn.entries())
    # The order depends on no label, and is the same when the review continues.
    order = np.argsort(keys([id_ for id_, _, _ in entries], loaded.spec.seed), kind="stable").tolist()
    shown = [Shown(id_, label, drawn.pictures[id_]) for id_, label, _ in (entries[place] for place in order)]
    answers = ["" if blank else entries[place][2] for place in order]
    classes = drawn.collection.classes
    folded = {name.casefold() for name in classes}
    try:
        if not blank:
            drawn.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(
            f"{one_line(drawn.path)}: cannot write: {error.strerror}; give another place with -o"
        ) from error
    session = LabelSession(
        loaded.spec.name,
        tuple(classes),
        shown,
        answers,
        SavedFile(drawn.path),
        _judged(loaded, drawn.collection) if choice.mode == "sample" else None,
        next(word for word in UNSURE if word not in folded),
        next(word for word in NONE if word not in folded),
        () if blank else drawn.others(),
    )
    if not blank:
        session.save()
    return session


def _judged(loaded: LoadedSpec, collection: Collection) -> Judged:
    table, rule = collection.table, label_rule(loaded)
    code = {name: number for number, name in enumerate(table.label.values)}
    counts = np.bincount(table.label.codes[table.ok()], minlength=len(code))
    sizes = tuple(int(counts[code[name]]) if name in code else 0 for name in collection.classes)
    return Judged(sizes, rule.budget, rule.confidence)
