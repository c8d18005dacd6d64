"""The words that collections call their splits by: in tables, and in names of folders, files and arrays."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from imgprep.errors import RequestError, one_line

TRAIN: Final = "train"
VALIDATION: Final = "validation"
TEST: Final = "test"
SPLITS: Final = (TRAIN, VALIDATION, TEST)
SKIP: Final = "skip"
"""In `SplitNames.choices`: images of this split are left out."""
HELD_OUT: Final = "held out"
"""Words such as eval: the test split, or validation when the collection has a test split besides."""
_WORDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("train", "training", "trn"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "devel", "development"), VALIDATION),
    **dict.fromkeys(("test", "testing", "tst", "t10k"), TEST),  # t10k: the test images of MNIST
    **dict.fromkeys(("eval", "evaluation", "evaluate", "holdout", "heldout"), HELD_OUT),
}
_SUFFIX: Final = re.compile(r"(?:set|split|data|images|imgs)$")
_JOINTS: Final = re.compile(r"[-_. ]+")
_PARTS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|t10k|[^\W\d_]+")


class UnclearSplitError(RequestError):
    """What splits a collection has cannot be told; the spec has to say it, in ``source.splits``."""


def split_word(text: str) -> str:
    """The split that a whole word means; '' for none. ``held out`` is decided by what else there is.

    >>> split_word(" Dev "), split_word("training set"), split_word("hold-out"), split_word("trian")
    ('validation', 'train', 'held out', '')
    """
    word = _JOINTS.sub("", text.strip().casefold())
    return _WORDS.get(word) or _WORDS.get(_SUFFIX.sub("", word), "")


def split_in_name(name: str) -> str:
    """The split that a name of a folder, file or array has in it; '' for none, and for two that contradict.

    >>> [split_in_name(name) for name in ("seg_train", "Test2", "ValImages", "train_val", "latest", "contest")]
    ['train', 'test', 'validation', '', '', '']
    """
    found = {split_word(part) for part in (name, *_PARTS.findall(name))} - {""}
    return found.pop() if len(found) == 1 else ""


@dataclass(frozen=True, slots=True)
class SplitNames:
    """What the names of splits mean in one collection.

    Attributes:
        choices: (name, a split or ``skip``) as the spec has them, names in any case of letters; '' is the blank.
        ignored: whether splits that the source gives are left aside.
    """

    choices: tuple[tuple[str, str], ...] = ()
    ignored: bool = False

    def of(self, text: str, *, in_name: bool = False) -> str:
        """A split, ``held out`` or ``skip``; '' for what has no meaning.

        Args:
            text: as it is written.
            in_name: whether the word may be a part of it.
        """
        wanted = text.strip().casefold()
        for name, split in self.choices:
            if name.strip().casefold() == wanted:
                return split
        return (split_in_name if in_name else split_word)(text)

    def check(self, text: str, where: str) -> None:
        """Refuses a value of a table that is no split.

        Raises:
            UnclearSplitError: a value is not understood; the message suggests the nearest word that is.
        """
        if text.strip() and not self.ignored and not self.of(text):
            raise UnclearSplitError(f"{where}: split {one_line(text, 40)!r} is not understood; {self._advice(text)}")

    def _advice(self, text: str) -> str:
        known = {"train": TRAIN, "validation": VALIDATION, "test": TEST} | {word: word for word in _WORDS}
        inside = split_in_name(text)
        near = difflib.get_close_matches(text.strip().casefold(), known, n=1, cutoff=0.6)
        word = TEST if inside == HELD_OUT else inside or (near[0] if near else "")
        hint = f"did you mean {word!r}?" if word else "words such as train, val, dev, test and eval are;"
        return f"{hint} or say what it means: source.splits: {{{as_key(text)}: test}}"


USUAL: Final = SplitNames()


def as_key(name: str) -> str:
    """A name as a key in YAML."""
    return name if re.fullmatch(r"[A-Za-z][\w.-]*", name) else f'"{one_line(name, 40)}"'


class SplitFolders(NamedTuple):
    """Folders that are splits by their names.

    Attributes:
        names: of all of them at one level; empty when there are none.
        parent: the one folder that they lie in, '' for the root; None when they lie in several, such as classes.
        certain: whether nothing else lies beside them, or there are folders of the same names in them.
    """

    names: tuple[str, ...] = ()
    parent: str | None = ""
    certain: bool = False


def split_folders(folders: Iterable[str]) -> SplitFolders:
    """Looks for training and other splits at the outermost level where there are both.

    Args:
        folders: of the images, as ``a/b``.

    >>> split_folders(["cat/train", "cat/test", "dog/train"])
    SplitFolders(names=('test', 'train'), parent=None, certain=True)
    >>> split_folders(["train", "bus"]).names
    ()
    """
    levels: list[dict[str, set[str]]] = []
    for folder in folders:
        parts = folder.split("/")
        for level, name in enumerate(parts):
            if level == len(levels):
                levels.append({})
            levels[level].setdefault(name, set()).update(parts[level + 1 :])
    for level, inner in enumerate(levels):
        names = tuple(sorted(name for name in inner if split_in_name(name)))
        if are_splits(names):
            train = set[str]().union(*(inner[name] for name in names if split_in_name(name) == TRAIN))
            others = set[str]().union(*(inner[name] for name in names if split_in_name(name) != TRAIN))
            above = [next(iter(outer)) for outer in levels[:level] if len(outer) == 1]
            parent = "/".join(above) if len(above) == level else None
            return SplitFolders(names, parent, len(names) == len(inner) or bool(train & others))
    return SplitFolders()


def are_splits(names: Iterable[str]) -> bool:
    """Whether all names of a level are names of splits, training and another among them.

    >>> are_splits(["seg_train", "seg_test"]), are_splits(["train", "training"]), are_splits(["train", "test", "car"])
    (True, False, False)
    """
    meanings = {split_in_name(name) for name in names}
    return "" not in meanings and TRAIN in meanings and len(meanings) > 1
