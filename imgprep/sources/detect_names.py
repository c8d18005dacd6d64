"""Finds the labels in the names of files: the expression for `source.label_from` that `init` proposes."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
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
    ("[0-9]+{}([^-_. 0-9].*)[.][^.]+$", 3),  # 001_cat.jpg
)
"""Expressions, and the images that each label has at least on average."""
_HEADS: Final = (
    (re.compile("([A-Za-z]+)[-_]?[0-9]+[-_. ]+[^-_. 0-9]"), "(?P<group>{}[-_]?[0-9]+)"),  # patient07_cat_001.jpg
    (re.compile("(?:train|val|valid|validation|test)[-_. ]", re.IGNORECASE), "(?P<split>[A-Za-z]+)"),  # train_cat_1.jpg
)
"""Beginnings of names that say a group or a split, and the groups of an expression for them."""
_AFTER_HEAD: Final = "[-_. ]+(?P<label>.+?)[-_. ]+[0-9]+[.][^.]+$"
_GROUP_WORDS: Final = GROUPS | {"p", "s"}
_NUMBERED_WORD: Final = re.compile("(?<![A-Za-z])([A-Za-z]+)[-_]?[0-9]")


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
    for expression, least in (*_after_head(chosen), *_expressions()):
        pattern = re.compile(f"^{expression}")
        matches = [match for name in chosen if (match := pattern.search(name))]
        heads = {match[1] for match in matches if pattern.groups > 1}
        found = Counter(match[pattern.groups].strip() for match in matches)
        if len(heads) != 1 and len(matches) >= _MATCHING * len(chosen) and _are_labels(found, least):
            return f"/{_within(expression)}" if inside else f"^{expression}"
    return None


def _after_head(names: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Expressions for labels after a group or a split, where the first name begins with one."""
    for name in names[:1]:
        for head, group in _HEADS:
            match = head.match(name)
            if match and all(word.casefold() in _GROUP_WORDS for word in match.groups()):
                yield f"{group.format(*match.groups())}{_AFTER_HEAD}", 2


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
    return len(found) > 1 and len(found) * least <= found.total() and _name_classes(list(found))


def _name_classes(values: Sequence[str]) -> bool:
    """Tells whether none is a number (but for single digits), a group, or a word that says nothing of the image."""
    if all(len(value) == 1 and value.isdigit() for value in values):
        return True
    words = [words_of(value) for value in values]
    numbered = (match[1].casefold() for value in values for match in _NUMBERED_WORD.finditer(value))
    return (
        all(words)
        and _GROUP_WORDS.isdisjoint(numbered)
        and not any(GROUPS.union(NUMBERED).issuperset(each) for each in words)
    )
