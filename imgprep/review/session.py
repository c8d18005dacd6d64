"""A review in progress: the images of a page, what was answered, and the table that each answer is saved to."""

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, MutableSequence, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Final, NamedTuple, Protocol

from imgprep.dataset.manifest import commit
from imgprep.errors import ResourceError, one_line
from imgprep.util.spreadsheet import protect

COLUMNS: Final = ("id", "label", "reviewed_label")
ACTIONS: Final = frozenset({"exclude", "relabel", "keep"})


class Shown(NamedTuple):
    """An image of the page.

    Attributes:
        id: of the image.
        label: the class that the collection gives it.
        picture: a JPEG file.
    """

    id: str
    label: str
    picture: bytes


class Change(NamedTuple):
    """A decision about an image of the page: its number, ``exclude``, ``relabel`` or ``keep``, and the new label."""

    image: int
    action: str
    value: str = ""


class Group(NamedTuple):
    """Images that are decided together.

    Attributes:
        images: their indices on the page.
        rule: the id of the rule that found them; '' for none.
        says: what the rule found, for people.
    """

    images: tuple[int, ...]
    rule: str = ""
    says: str = ""


class Session(Protocol):
    """A review as the server and the page see it."""

    @property
    def images(self) -> Sequence[Shown]:
        """In the order of their numbers."""

    @property
    def answers(self) -> Sequence[object]:
        """To each question; empty where there is none yet."""

    @property
    def file(self) -> "SavedFile":
        """Where they are saved."""

    def data(self) -> dict[str, Any]:
        """The data of the page besides the images, for JSON."""

    def answer(self, at: object, given: object) -> None:
        """Takes an answer to the question of a number, and saves it.

        Raises:
            ValueError: it is none.
            ResourceError: it cannot be saved.
        """


class SavedFile:
    """A file that one review writes again and again; it is never written over what somebody else has made of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen = self._state()

    def write(self, content: bytes) -> None:
        """Replaces the content at once, or not at all.

        Raises:
            ResourceError: it cannot be written, or another program has changed it.
        """
        if self._state() != self._seen:
            raise ResourceError(f"{one_line(self.path)}: changed by another program; end the review and start it again")
        commit(self.path, content)
        self._seen = self._state()

    def _state(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_size


@dataclass(frozen=True, slots=True)
class Judged:
    """Input of the interval that the page shows.

    Attributes:
        sizes: usable images of each class of the collection, in the order of the classes.
        budget: the rate of wrong labels that is too much.
        confidence: of the interval.
    """

    sizes: tuple[int, ...]
    budget: float
    confidence: float


@dataclass(frozen=True, slots=True)
class LabelSession:
    """One image after another is given a label.

    Attributes:
        name: of the collection.
        classes: that an answer may name, in order.
        images: in the order in which they are asked about.
        answers: to each image; '' where there is none yet.
        file: the table.
        judged: for the interval; None where the images are no random sample.
        unsure: the answer for an image whose class the reviewer does not know; not a class.
        none: the answer for an image that shows none of the classes; not a class.
        others: rows of the table that are not asked about; they stay.
    """

    name: str
    classes: tuple[str, ...]
    images: Sequence[Shown]
    answers: list[str]
    file: SavedFile
    judged: Judged | None
    unsure: str = "?"
    none: str = "none"
    others: Sequence[tuple[str, str, str]] = ()
    _lock: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    def data(self) -> dict[str, Any]:
        """See `Session`."""
        found: dict[str, Any] = {
            "mode": "label" if self.judged else "suspects",
            "name": self.name,
            "classes": self.classes,
            "labels": [image.label for image in self.images],
            "ids": [image.id for image in self.images],
            "answers": self.answers,
            "unsure": self.unsure,
            "none": self.none,
            "file": self.file.path.name,
            "key": _key(self.file.path, self.images),
        }
        if self.judged:
            found |= asdict(self.judged)
        return found

    def answer(self, at: object, given: object) -> None:
        """See `Session`."""
        at = _place(at, self.answers)
        if not isinstance(given, str) or given not in {"", self.unsure, self.none, *self.classes}:
            raise ValueError("not one of the classes")
        with self._lock, _undone_unless_saved(self.answers, at):
            self.answers[at] = given
            self.save()

    def save(self) -> None:
        """Writes the table.

        Raises:
            ResourceError: it cannot be written.
        """
        rows = [(image.id, image.label, given) for image, given in zip(self.images, self.answers, strict=True)]
        self.file.write(table_of([*rows, *self.others]))


@dataclass(frozen=True, slots=True)
class DecisionSession:
    """Groups of images are decided about: copies side by side, or the images of a class.

    Attributes:
        mode: ``duplicates`` or ``gallery``.
        name: of the collection.
        classes: that an image may be given, in order.
        images: of all groups.
        groups: in the order in which they are asked about.
        answers: the decisions of each group; empty where nothing is decided yet.
        file: the table of decisions.
        content: makes the content of the table of all that is decided.
    """

    mode: str
    name: str
    classes: tuple[str, ...]
    images: Sequence[Shown]
    groups: Sequence[Group]
    answers: list[tuple[Change, ...]]
    file: SavedFile
    content: Callable[[Sequence[tuple[Group, tuple[Change, ...]]]], bytes]
    _lock: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    def data(self) -> dict[str, Any]:
        """See `Session`."""
        return {
            "mode": self.mode,
            "name": self.name,
            "classes": self.classes,
            "labels": [image.label for image in self.images],
            "ids": [image.id for image in self.images],
            "groups": [{"images": group.images, "rule": group.rule, "says": group.says} for group in self.groups],
            "answers": self.answers,
            "file": self.file.path.name,
            "key": _key(self.file.path, self.images),
        }

    def answer(self, at: object, given: object) -> None:
        """See `Session`."""
        at = _place(at, self.answers)
        changes = tuple(self._change(each, self.groups[at]) for each in _list(given))
        if len({change.image for change in changes}) < len(changes):
            raise ValueError("two decisions about one image")
        with self._lock, _undone_unless_saved(self.answers, at):
            self.answers[at] = changes
            self.save()

    def save(self) -> None:
        """Writes the table of decisions.

        Raises:
            ResourceError: it cannot be written.
        """
        self.file.write(self.content(list(zip(self.groups, self.answers, strict=True))))

    def _change(self, given: object, group: Group) -> Change:
        entry = _list(given)
        if len(entry) != 3:
            raise ValueError("a decision has an index, an action and a value")
        index, action, value = entry
        if type(index) is not int or index not in group.images or not isinstance(action, str) or action not in ACTIONS:
            raise ValueError("not a decision about an image of the group")
        if not isinstance(value, str) or (action == "relabel") != bool(value) or (value and value not in self.classes):
            raise ValueError("not one of the classes")
        return Change(index, action, value)


def table_of(rows: Iterable[tuple[str, str, str]]) -> bytes:
    """A review table; no spreadsheet takes a cell for a formula.

    Args:
        rows: id, label and answer.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([protect(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8", "surrogateescape")


@contextmanager
def _undone_unless_saved(answers: MutableSequence[Any], at: int) -> Iterator[None]:
    """Puts an answer back if the new one cannot be saved, so that the page and the file agree."""
    before = answers[at]
    try:
        yield
    except ResourceError:
        answers[at] = before
        raise


def _place(at: object, answers: Sequence[object]) -> int:
    if type(at) is not int or not 0 <= at < len(answers):
        raise ValueError("no such question")
    return at


def _list(given: object) -> list[object]:
    if not isinstance(given, list):
        raise ValueError("not a list")  # noqa: TRY004 - a wrong value of the page, as the others
    return given


def _key(path: Path, images: Sequence[Shown]) -> str:
    """Under which a browser keeps the answers of a page that was saved as a file."""
    ids = "\n".join([path.name, *(image.id for image in images)])
    return f"imgprep-review-{hashlib.sha256(ids.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
