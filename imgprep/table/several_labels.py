"""Labels that are several labels in one cell, such as ``cat|dog``."""

from collections import Counter
from collections.abc import Collection
from itertools import chain
from typing import Final, NamedTuple

_CERTAIN: Final = "|"
_POSSIBLE: Final = ";,"


class Several(NamedTuple):
    """A label that holds others: the label, and what lies between them."""

    label: str
    separator: str


def several_labels(labels: Collection[str], *, suspicious: bool = False) -> Several | None:
    """The first label that is several.

    A bar between two texts always separates. A semicolon, or a comma without a blank, does where a part is a label of
    its own or a part of another such label; a comma and a blank only where all parts are, unlike ``crane, bird``.

    Args:
        labels: all of them.
        suspicious: a comma and a blank separate as a comma alone does.

    >>> several_labels(["cat", "cat|dog"]), several_labels(["cat", "cat;dog"]), several_labels(["crane", "crane, bird"])
    (Several(label='cat|dog', separator='|'), Several(label='cat;dog', separator=';'), None)
    """
    whole = {*labels}
    for separator in _CERTAIN + _POSSIBLE:
        parts = {label: [part.strip() for part in label.split(separator)] for label in labels if separator in label}
        uses = Counter(chain.from_iterable(map(set, parts.values())))
        for label, found in parts.items():
            shared = [part in whole or uses[part] > 1 for part in found]
            if all(found) and (
                separator == _CERTAIN or all(shared) or (any(shared) and (suspicious or ", " not in label))
            ):
                return Several(label, separator)
    return None
