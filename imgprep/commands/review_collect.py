"""Tables of several reviewers: what they say together, how far they agree, and the images they differ on."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from imgprep.checks.label_evidence import OUTSIDE, Review
from imgprep.commands.label_tables import COLUMNS, NONE, UNSURE, is_filled_in, read_review
from imgprep.commands.pipeline import Pipeline
from imgprep.commands.review import next_step
from imgprep.commands.review_draw import table_path
from imgprep.dataset.manifest import commit
from imgprep.errors import RequestError, ResourceError, one_line
from imgprep.pipeline.runner import RunContext
from imgprep.review.agreement import Agreement, agreement, in_words
from imgprep.spec.loading import LoadedSpec
from imgprep.util.quantity import quantity
from imgprep.util.spreadsheet import protect

NAME: Final = "collected.csv"
NOTE: Final = "reviewers"
SHOWN: Final = 20
"""Images that the terminal names."""


@dataclass(frozen=True, slots=True)
class Collected:
    """The merged labels of several reviewers, and their agreement.

    Attributes:
        table: what they say together, in which the images they differ on are left open.
        images: how many are in it.
        unsure: number of images that no reviewer could label.
        found: how far they agree.
        spec: the path of the spec file.
    """

    table: Path
    images: int
    unsure: int
    found: Agreement
    spec: str

    def text(self) -> str:
        """The agreement, and the images to be talked about."""
        lines = []
        for pair in self.found.pairs:
            same = f"the same label for {pair.same} of {pair.shared} images"
            kappa = f"; Cohen's kappa {in_words(pair.kappa)}" if pair.shared else " that both labelled"
            lines.append(one_line(f"{pair.first} and {pair.second}: {same}{kappa}"))
        if len(self.found.pairs) > 1:
            lines.append(f"all of them: Fleiss' kappa {in_words(self.found.fleiss)}")
        differ = list(self.found.differ.items())
        if differ:
            lines.append(f"they differ on {quantity(len(differ))}:")
        for image, said in differ[:SHOWN]:
            lines.append(one_line(f"  {image}: {', '.join(f'{label} ({who})' for who, label in said.items())}"))
        if len(differ) > SHOWN:
            lines.append(f"  ... {len(differ) - SHOWN} more in {self.table}")
        open_ = f", {len(differ)} of them left open" if differ else ""
        lines.append(f"{self.table}: {quantity(self.images)}{open_}")
        return "\n".join([*lines, next_step(self.spec, self.table)])


def collect_reviews(loaded: LoadedSpec, context: RunContext, tables: Sequence[Path], path: Path | None) -> Collected:
    """Merges tables of reviewers of the same images.

    An image that one reviewer was unsure of counts by the others; ``?`` stays where no reviewer could label it.

    Args:
        loaded: the spec.
        context: of the run; when it is to force, a table that has been filled in is replaced.
        tables: one of each reviewer.
        path: of the merged table; in the folder of the audit when left out.

    Raises:
        RequestError: a table is wrong, with file and line; or the merged table is there and filled in.
        ResourceError: the merged table cannot be written.
    """
    path = table_path(loaded, context, path, NAME)
    names = _names(tables)
    if any(path.absolute() == table.absolute() for table in tables):
        raise RequestError(f"{one_line(path)}: is one of the tables to be merged; name another with -o")
    if not context.force and path.exists() and is_filled_in(path):
        raise RequestError(f"{one_line(path)}: holds labels already; name another with -o, or use --force")
    pipeline = Pipeline(loaded, context)
    pipeline.check_labels("a review")
    collection = pipeline.collection
    reviews = {
        name: read_review(table, collection.classes, collection.table)
        for name, table in zip(names, tables, strict=True)
    }
    found = agreement({name: _labels(review) for name, review in reviews.items()})
    labels = dict(zip(collection.table.id, collection.table.label, strict=True))
    then, unsure = _then(reviews.values()), {id_ for review in reviews.values() for id_ in review.unsure}
    folded = {name.casefold() for name in collection.classes}
    words = [next(word for word in kind if word not in folded) for kind in (UNSURE, NONE)]
    rows = []
    for id_ in dict.fromkeys(id_ for review in reviews.values() for id_ in (*review.ids, *review.unsure)):
        said = found.differ.get(id_, {})
        answer = found.merged.get(id_, "" if said or id_ not in unsure else words[0])
        note = "; ".join(f"{who}: {label}" for who, label in said.items())
        rows.append((id_, then.get(id_) or labels.get(id_, ""), words[1] if answer == OUTSIDE else answer, note))
    _write(path, rows)
    return Collected(path, len(rows), sum(row[2] == words[0] for row in rows), found, loaded.file)


def _labels(review: Review) -> dict[str, str]:
    return {id_: label for id_, label in zip(review.ids, review.reviewed, strict=True) if label}


def _then(reviews: Iterable[Review]) -> Mapping[str, str]:
    """Id -> the given label in the table of the first reviewer."""
    found: dict[str, str] = {}
    for review in reviews:
        for id_, label in zip(review.ids, review.labels, strict=True):
            if label:
                found.setdefault(id_, label)
    return found


def _names(tables: Sequence[Path]) -> list[str]:
    """A short name for each reviewer: that of the file, or its path where that is not enough.

    Raises:
        RequestError: a table is named twice.
    """
    if len({table.absolute() for table in tables}) < len(tables):
        raise RequestError("--collect: a table is named twice; give one of each reviewer")
    short = [table.stem for table in tables]
    return short if len(set(short)) == len(short) else [str(table) for table in tables]


def _write(path: Path, rows: Sequence[tuple[str, str, str, str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*COLUMNS, NOTE))
    writer.writerows([protect(cell) for cell in row] for row in rows)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(f"{one_line(path)}: cannot write: {error.strerror}; give another place with -o") from error
    commit(path, text.getvalue().encode("utf-8", "surrogateescape"))
