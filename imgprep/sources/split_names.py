"""Words for splits in collections: in tables, and in names of folders, files and arrays."""

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
"""In `SplitNames.choices`: leave out the images of this split."""
HELD_OUT: Final = "held out"
"""Meaning of words such as eval: the test split, or validation if the collection has a test split too."""
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
    """The splits of a collection are unclear; ``source.splits`` in the spec must define them."""


def split_word(text: str) -> str:
    """The split that a whole word means; '' for none. ``held out`` is resolved by the other splits present.

    >>> split_word(" Dev "), split_word("training set"), split_word("hold-out"), split_word("trian")
    ('validation', 'train', 'held out', '')
    """
    word = _JOINTS.sub("", text.strip().casefold())
    return _WORDS.get(word) or _WORDS.get(_SUFFIX.sub("", word), "")


def split_in_name(name: str) -> str:
    """The split named within the name of a folder, file or array; '' for none, and for contradictory ones.

    >>> [split_in_name(name) for name in ("seg_train", "Test2", "ValImages", "train_val", "latest", "contest")]
    ['train', 'test', 'validation', '', '', '']
    """
    found = {split_word(part) for part in (name, *_PARTS.findall(name))} - {""}
    return found.pop() if len(found) == 1 else ""


@dataclass(frozen=True, slots=True)
class SplitNames:
    """The meanings of names of splits in one collection.

    Attributes:
        choices: (name, a split or ``skip``) from the spec, names in any case; '' is the blank.
        ignored: whether to ignore splits given by the source.
    """

    choices: tuple[tuple[str, str], ...] = ()
    ignored: bool = False

    def of(self, text: str, *, in_name: bool = False) -> str:
        """The meaning of a text: a split, ``held out`` or ``skip``; '' for none.

        Args:
            text: as written in the source.
            in_name: whether the word may be part of a longer name.
        """
        wanted = text.strip().casefold()
        for name, split in self.choices:
            if name.strip().casefold() == wanted:
                return split
        return (split_in_name if in_name else split_word)(text)

    def check(self, text: str, where: str) -> None:
        """Refuses an unknown split in a table.

        Raises:
            UnclearSplitError: the value is unknown; the message suggests the nearest known word.
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
    """Folders named like splits.

    Attributes:
        names: of all such folders at one level; empty when there are none.
        parent: the one folder that contains them, '' for the root; None for several parents, such as classes.
        certain: whether no other folders are at that level, or the splits contain folders of the same names.
    """

    names: tuple[str, ...] = ()
    parent: str | None = ""
    certain: bool = False


def split_folders(folders: Iterable[str]) -> SplitFolders:
    """Finds the outermost level of folders with both a training and another split.

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
    """Returns whether all names of a level are names of splits, including training and another one.

    >>> are_splits(["seg_train", "seg_test"]), are_splits(["train", "training"]), are_splits(["train", "test", "car"])
    (True, False, False)
    """
    meanings = {split_in_name(name) for name in names}
    return "" not in meanings and TRAIN in meanings and len(meanings) > 1
