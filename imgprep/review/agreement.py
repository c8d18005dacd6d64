"""The agreement of several reviewers, and what they say together."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple


class Pair(NamedTuple):
    """Two reviewers.

    Attributes:
        first: the name of one.
        second: the name of the other.
        shared: how many images both gave a label.
        same: how many of those they gave the same label.
        kappa: Cohen's; None where chance alone would make them agree on everything, or nothing is shared.
    """

    first: str
    second: str
    shared: int
    same: int
    kappa: float | None


class Agreement(NamedTuple):
    """The agreement of several reviewers.

    Attributes:
        pairs: every two of them.
        fleiss: the kappa of all of them over the images that all gave a label; None for two, or where undefined.
        merged: id -> the label of all that gave one; images they differ on are missing.
        differ: id -> reviewer -> label, of the images they differ on.
    """

    pairs: tuple[Pair, ...]
    fleiss: float | None
    merged: Mapping[str, str]
    differ: Mapping[str, Mapping[str, str]]


def agreement(answers: Mapping[str, Mapping[str, str]]) -> Agreement:
    """Compares reviewers; an image that one of them was unsure of is no answer of theirs.

    Args:
        answers: reviewer -> id -> label.
    """
    pairs = []
    for first, second in combinations(answers, 2):
        shared = [(answers[first][image], label) for image, label in answers[second].items() if image in answers[first]]
        same = sum(one == other for one, other in shared)
        pairs.append(Pair(first, second, len(shared), same, cohen_kappa(shared)))
    by_image: dict[str, dict[str, str]] = {}
    for reviewer, given in answers.items():
        for image, label in given.items():
            by_image.setdefault(image, {})[reviewer] = label
    merged = {image: next(iter(said.values())) for image, said in by_image.items() if len(set(said.values())) == 1}
    differ = {image: said for image, said in by_image.items() if image not in merged}
    complete = [tuple(said.values()) for said in by_image.values() if len(said) == len(answers)]
    return Agreement(tuple(pairs), fleiss_kappa(complete) if len(answers) > 2 else None, merged, differ)


def cohen_kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """The agreement of two reviewers beyond chance (Cohen, 1960): (observed - expected) / (1 - expected).

    Expected is what two people would agree on who give each label as often as these two, independently.

    >>> cohen_kappa([("a", "a"), ("a", "b"), ("b", "b"), ("b", "b")])
    0.5

    Args:
        pairs: the two labels of each image.
    """
    if not pairs:
        return None
    number = len(pairs)
    first, second = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    expected = sum(first[label] * second[label] for label in first)
    same = sum(one == other for one, other in pairs)
    if expected == number * number:
        return None
    return (same * number - expected) / (number * number - expected)


def fleiss_kappa(ratings: Sequence[Sequence[str]]) -> float | None:
    """The agreement of any number of reviewers beyond chance (Fleiss, 1971).

    >>> fleiss_kappa([("a", "a", "a"), ("b", "b", "b"), ("a", "a", "b")])
    0.55

    Args:
        ratings: the labels of each image, as many for each, at least two.
    """
    if not ratings:
        return None
    raters = len(ratings[0])
    totals: Counter[str] = Counter()
    agreeing = 0
    for labels in ratings:
        counts = Counter(labels)
        totals.update(counts)
        agreeing += sum(count * (count - 1) for count in counts.values())
    observed = agreeing / (len(ratings) * raters * (raters - 1))
    expected = sum((count / (len(ratings) * raters)) ** 2 for count in totals.values())
    return None if len(totals) == 1 else round((observed - expected) / (1 - expected), 12)


def in_words(kappa: float | None) -> str:
    """A kappa for people, with the words of Landis and Koch (1977).

    >>> in_words(0.7), in_words(None)
    ('0.70 (substantial)', 'undefined (one label only)')
    """
    if kappa is None:
        return "undefined (one label only)"
    scale = ((0.0, "poor"), (0.2, "slight"), (0.4, "fair"), (0.6, "moderate"), (0.8, "substantial"))
    word = next((name for limit, name in scale if kappa < limit or (kappa == limit and limit)), "almost perfect")
    return f"{kappa:.2f} ({word})"
