"""The images of a review: a random sample or suspects, drawn once or in addition to what a table holds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.checks.intervals import reviews_needed
from imgprep.checks.label_evidence import OUTSIDE, Review
from imgprep.checks.review import draw_review
from imgprep.checks.rules.labels import LabelErrors
from imgprep.checks.thumbnails import SIDE, thumbnails
from imgprep.commands.label_tables import NONE, UNSURE, read_review
from imgprep.commands.pipeline import Pipeline
from imgprep.errors import RequestError, one_line
from imgprep.pipeline.collection import Collection
from imgprep.pipeline.runner import RunContext
from imgprep.spec.loading import LoadedSpec
from imgprep.util.output_file import check_name, check_new_folder, check_outside

if TYPE_CHECKING:
    from imgprep.table.sample import SampleTable

FOLDER: Final = "audit"
NAMES: Final[Mapping[str, str]] = {"sample": "review.csv", "suspects": "suspects.csv"}
LARGE: Final = 768
"""The longest side of an image on the page, in pixels."""
MOST: Final = 1000
"""Images drawn by default, and suspects on a page, at most."""
FURTHER: Final = 50
"""Images drawn in addition where the interval does not say how many are needed."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Options of a review.

    Attributes:
        size: how many images; as many as would probably decide when left out.
        table: to be filled in; in the folder of the audit when left out.
        extend: draw more and keep what is filled in.
        mode: ``sample``, ``suspects``, ``duplicates`` or ``gallery``.
        label: the class of the gallery; all when left out.
    """

    size: int | None = None
    table: Path | None = None
    extend: bool = False
    mode: str = "sample"
    label: str | None = None


class Prepared(NamedTuple):
    """A review before it is written or shown.

    Attributes:
        path: of the table.
        rows: of the collection, of the images that are asked about.
        answers: id -> label then and answer, of every row of the table that is there.
        pictures: by id.
        unreadable: how many images were drawn first and cannot be read.
        collection: that they are of.
    """

    path: Path
    rows: NDArray[np.intp]
    answers: Mapping[str, tuple[str, str]]
    pictures: Mapping[str, bytes]
    unreadable: int
    collection: Collection

    def entries(self) -> Iterator[tuple[str, str, str]]:
        """Id, label and answer of the images that are asked about."""
        table: SampleTable = self.collection.table
        for row in self.rows.tolist():
            label, answer = self.answers.get(table.id[row], ("", ""))
            yield table.id[row], label or table.label[row], answer

    def others(self) -> tuple[tuple[str, str, str], ...]:
        """The rows of the table that are not asked about, as their images are not there or cannot be read."""
        asked = {id_ for id_, _, _ in self.entries()}
        return tuple((id_, *said) for id_, said in self.answers.items() if id_ not in asked)


def prepare(loaded: LoadedSpec, context: RunContext, choice: Choice, *, going_on: bool, side: int = SIDE) -> Prepared:
    """The images of a review, with what a table that is there says of them.

    Raises:
        RequestError: the table is something else, there is nothing to draw, or no image can be read.
    """
    path = table_path(loaded, context, choice.table, NAMES[choice.mode])
    if choice.extend and not path.exists():
        raise RequestError(f"{one_line(path)}: there is no review to extend; leave out --extend to draw one")
    pipeline = Pipeline(loaded, context)
    pipeline.check_labels("a review")
    suspects = _suspects(loaded, context, pipeline) if choice.mode == "suspects" else None
    collection = pipeline.collection
    answers: dict[str, tuple[str, str]] = {}
    if going_on and path.exists() and not context.force:
        answers = _answers(read_review(path, collection.classes, collection.table), collection)
    known = _rows(collection.table, answers)
    size = _size(loaded, collection, choice, answers)
    pool = None if suspects is None else _rows(collection.table, suspects)
    skip = bool(answers) and not choice.extend
    unreadable = np.zeros(len(collection.table), bool)
    while True:
        new = known[:0] if skip else _draw(collection.table, size, loaded.spec.seed, unreadable, pool)
        rows = np.union1d(known, new)
        rows = rows[~unreadable[rows]]
        pictures = thumbnails(context, collection.reader, collection.table[rows], f"review-{side}", side)
        missing = [row for row in rows.tolist() if collection.table.id[row] not in pictures]
        if not missing:
            break
        unreadable[missing] = True
    if not len(rows):
        what = (
            "there are no suspects" if pool is not None and not len(pool) else "no image of the collection can be read"
        )
        raise RequestError(f"{what}, so there is nothing to review; see imgprep audit")
    return Prepared(path, rows, answers, pictures, int(unreadable.sum()), collection)


def table_path(loaded: LoadedSpec, context: RunContext, given: Path | None, name: str) -> Path:
    """The table of a review.

    Args:
        loaded: the spec.
        context: with the folder of the audit, where the table is by default.
        given: by the user; None for the default.
        name: of the default.

    Raises:
        RequestError: it is no CSV file, or no place for one.
    """
    if given is None:
        return context.workspace.stage(FOLDER) / name
    check_name(given, (".csv",), "a review is a CSV table")
    check_new_folder(given.absolute().parent)
    check_outside(given, loaded.spec.source.source.path)
    return given


def _draw(
    table: "SampleTable", size: int, seed: int, unreadable: NDArray[np.bool_], pool: NDArray[np.intp] | None
) -> NDArray[np.intp]:
    if pool is None:
        return draw_review(table, size, seed, unreadable)
    return pool[table.ok()[pool] & ~unreadable[pool]][:size]


def _size(loaded: LoadedSpec, collection: Collection, choice: Choice, answers: Mapping[str, tuple[str, str]]) -> int:
    """The number of requested images."""
    if choice.size is not None:
        if choice.extend and choice.size <= len(answers):
            raise RequestError(
                f"--sample {choice.size}: the review has {len(answers)} images already; give a larger number"
            )
        return choice.size
    if choice.mode == "suspects":
        return MOST
    if choice.extend:
        return len(answers) + FURTHER
    rule = label_rule(loaded)
    images = int(collection.table.ok().sum())
    # As many as would decide if half of the labels that may be wrong are.
    return min(MOST, reviews_needed(rule.budget / 2, rule.budget, images, rule.confidence)) if images else 1


def label_rule(loaded: LoadedSpec) -> LabelErrors:
    """The rule of the spec that judges a review."""
    found = next((rule for rule in loaded.spec.audit.rules.values() if isinstance(rule, LabelErrors)), None)
    return found or LabelErrors()


def _answers(read: Review, collection: Collection) -> dict[str, tuple[str, str]]:
    """Id -> label then and answer, as tables have it."""
    folded = {name.casefold() for name in collection.classes}
    unsure = next(word for word in UNSURE if word not in folded)
    none = next(word for word in NONE if word not in folded)
    found = {
        id_: (label, none if given == OUTSIDE else given)
        for id_, label, given in zip(read.ids, read.labels, read.reviewed, strict=True)
    }
    return found | dict.fromkeys(read.unsure, ("", unsure))


def _rows(table: "SampleTable", ids: Sequence[str] | Mapping[str, object]) -> NDArray[np.intp]:
    """The rows of ids, in their order; those that the table does not hold are missing."""
    wanted = set(ids)
    rows = {id_: row for row, id_ in enumerate(table.id) if id_ in wanted}
    return np.array([rows[id_] for id_ in ids if id_ in rows], np.intp)


def _suspects(loaded: LoadedSpec, context: RunContext, pipeline: Pipeline) -> tuple[str, ...]:
    """The ids of images with a label that is disputed, most disputed first."""
    from imgprep.commands.audit_inputs import GATHER

    rule = replace(label_rule(loaded), suspects=True, review=None)
    evidence = GATHER["source"](loaded, context, pipeline).evidence
    findings = list(rule(replace(evidence, review=None)))
    found = next((finding for finding in findings if finding.samples), None)
    if found is None:
        raise RequestError(f"no suspects: {findings[-1].message}")
    return found.samples
