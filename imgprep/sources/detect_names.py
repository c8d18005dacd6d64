"""Finds the labels in the names of files: the expression for `source.label_from` that `init` proposes."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from imgprep.sources.column_names import GROUPS, NUMBERED, words_of

_LOOKED_AT: Final = 20_000
_MATCHING: Final = 0.9
"""Share of the names in which a label is to be found."""
_SEPARATORS: Final = ("_", "-", r"\.", " ", "[-_. ]+")
_FORMS: Final = (
    ("(.+?){}[0-9]+[.][^.]+$", 2),  # cat_001.jpg, Maine_Coon_7.jpg, n01440764_10026.JPEG, dog.12.jpg
    (r"(.*[^-_. 0-9(]) ?\(?[0-9]+\)?[.][^.]+$", 2),  # cat001.jpg, cat (1).jpg
    ("([^-_. ]+){}.+[.][^.]+$", 3),  # cat_IMG_2034.jpg
    ("[0-9]+{}(.+)[.][^.]+$", 3),  # 001_cat.jpg
)
"""Expressions, and the images that each label has at least on average."""


def label_from_names(names: Sequence[str], *, inside: bool = False) -> str | None:
    """The expression that finds labels in the names of files; None where no obvious one does.

    Obvious are a few words, each in the names of several files, which neither number images nor name what groups them.

    Args:
        names: of files, without their folders.
        inside: whether the files lie in folders, so that the expression must begin after a slash.

    >>> label_from_names(["cat_1.jpg", "cat_2.jpg", "dog_1.jpg", "dog_2.jpg"])
    '^(.+?)_[0-9]+[.][^.]+$'
    >>> label_from_names(["IMG_1.jpg", "IMG_2.jpg", "DSC_1.jpg", "DSC_2.jpg"])
    """
    chosen = names[:: -(-len(names) // _LOOKED_AT) or 1]
    for expression, least in _expressions():
        pattern = re.compile(f"^{expression}")
        found = Counter(match[1].strip() for name in chosen if (match := pattern.search(name)))
        if found.total() >= _MATCHING * len(chosen) and _are_labels(found, least):
            return f"/{_within(expression)}" if inside else f"^{expression}"
    return None


def _expressions() -> Iterator[tuple[str, int]]:
    for form, least in _FORMS:
        if "{}" not in form:
            yield form, least
            continue
        for separator in _SEPARATORS:
            yield form.format(separator), least


def _within(expression: str) -> str:
    """The expression, so that it goes over no slash."""
    for part, instead in ((".+", "[^/]+"), (".*", "[^/]*"), ("([^-_. ]", "([^-_. /]")):
        expression = expression.replace(part, instead)
    return expression


def _are_labels(found: Counter[str], least: int) -> bool:
    return len(found) > 1 and len(found) * least <= found.total() and _name_classes(found)


def _name_classes(values: Iterable[str]) -> bool:
    words = [words_of(value) for value in values]
    return all(words) and not any(GROUPS.union(NUMBERED).issuperset(each) for each in words)
