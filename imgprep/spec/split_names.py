"""The key `source.splits`: what the names of the splits in a source mean."""

from collections.abc import Mapping
from typing import Any, Final

from imgprep.settings.problems import Problem, SpecError, shown, unknown, wrong
from imgprep.sources.split_names import SKIP, SPLITS, SplitNames

IGNORE: Final = "ignore"
MEANINGS: Final = (*SPLITS, SKIP)
SCHEMA: Final[Mapping[str, Any]] = {
    "anyOf": [{"const": IGNORE}, {"type": "object", "additionalProperties": {"enum": [*MEANINGS]}}, {"type": "null"}],
    "default": None,
    "description": 'what names of splits mean, such as {eval: test, "": train}; "" is a blank; or ignore',
}
_EXPECTED: Final = 'expected what names of splits mean, such as {eval: validation, "": train}, or ignore'


def parse_splits(value: object) -> SplitNames:
    """Checks what the names of splits mean.

    Args:
        value: plain data; None for the usual words alone.

    Raises:
        SpecError: everything that is wrong, keys relative to the mapping.
    """
    if value is None:
        return SplitNames()
    if value == IGNORE:
        return SplitNames(ignored=True)
    if not isinstance(value, Mapping):
        raise wrong(f"{_EXPECTED}, not {shown(value)}")
    found = [
        Problem((str(name),), unknown("split", split, MEANINGS))
        for name, split in value.items()
        if split not in MEANINGS
    ]
    if found:
        raise SpecError(found)
    return SplitNames(tuple(("" if name is None else str(name), split) for name, split in value.items()))
