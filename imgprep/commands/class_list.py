"""The classes of a collection in index order: from its source, or from `source.classes`."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from imgprep.commands.list_source import Listed
from imgprep.errors import one_line
from imgprep.settings.problems import shown, suggestion
from imgprep.table.sample import SampleTable, sort_classes
from imgprep.util.quantity import quantity

SHOWN: Final = 5
"""Names that a message gives."""
_JOINT: Final = re.compile(r"(?<=\w)[\s_-]+(?=\w)")
_ZEROS: Final = re.compile(r"(?<![\d.,])0+(?=\d)")
_WHOLE: Final = re.compile(r"(\d+)\.0+")


def class_order(listed: Listed, given: tuple[str, ...] | None) -> tuple[str, ...]:
    """The classes in index order.

    Args:
        listed: the source; a list of its own may name classes without images.
        given: `source.classes`, which counts before all else.
    """
    if given is not None:
        return given
    return listed.order if listed.order is not None else listed.table.classes()


def unlisted(listed: Listed, classes: tuple[str, ...]) -> str:
    """The refusal of labels that the list of classes does not name; '' when there are none.

    A folder without images has no label, so it is no class that the list could have forgotten; `class_notes` names it.

    Args:
        listed: the source.
        classes: the list, which is complete.
    """
    counts, known = _counts(listed.table), {*classes}
    extra = [name for name in sort_classes(counts) if name not in known]
    if not extra:
        return ""
    told = "; ".join(_about(name, counts[name], listed.table, classes) for name in extra[:SHOWN])
    more = f"; and {len(extra) - SHOWN} more" if len(extra) > SHOWN else ""
    return f"the list is complete, but {told}{more}; add what is missing, or correct the labels"


def class_notes(listed: Listed, classes: tuple[str, ...]) -> Iterator[str]:
    """Notes on the classes, one line each.

    Args:
        listed: the source.
        classes: in index order.
    """
    present = _counts(listed.table)
    if empty := sorted({*classes} - {*present}):
        yield f"classes without an image: {_names(empty)}"
    if folders := sorted({*listed.declared} - {*classes}):
        yield f"folders without an image are not classes: {_names(folders)}; to keep one, list all in source.classes"
    for group in near_identical(classes)[:SHOWN]:
        names = " and ".join(one_line(repr(name), 80) for name in group[:SHOWN])
        yield f"classes with nearly the same name: {names}; correct the labels if they are meant to be one"


def near_identical(classes: Iterable[str]) -> list[list[str]]:
    """Groups of classes with names that differ only in case, blanks, leading zeros or Unicode normal form.

    >>> near_identical(["Cat", "cat", "01", "1", "dog"])
    [['Cat', 'cat'], ['01', '1']]
    """
    groups: dict[str, list[str]] = {}
    for name in classes:
        groups.setdefault(_folded(name), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def changed_classes(before: tuple[str, ...], now: tuple[str, ...]) -> str:
    """The changes of the classes since the last output; '' when there are none.

    >>> changed_classes(("0", "90", "180", "270"), ("0", "90", "270"))
    'the classes are not those of the last output: gone 180; with another index 270 (3, now 2)'
    """
    if before == now:
        return ""
    old, new = ({name: index for index, name in enumerate(names)} for names in (before, now))
    moved = [f"{name} ({old[name]}, now {new[name]})" for name in now if name in old and old[name] != new[name]]
    parts = {
        "new": [name for name in now if name not in old],
        "gone": [name for name in before if name not in new],
        "with another index": moved,
    }
    told = "; ".join(f"{what} {_names(names)}" for what, names in parts.items() if names)
    return f"the classes are not those of the last output: {told}"


def _counts(table: SampleTable) -> dict[str, int]:
    """Label -> number of images, unusable ones included."""
    counts = table.label[~table.status.where("skipped")].counts()
    return {name: count for name, count in counts.items() if name and count}


def _about(name: str, count: int, table: SampleTable, classes: tuple[str, ...]) -> str:
    first = int((table.label.where(name) & ~table.status.where("skipped")).argmax())
    images = f"{quantity(count)}, the first is {shown(table.id[first])}"
    told = f"{one_line(repr(name), 80)} is not in it ({images})"
    hint = suggestion(name, classes) or next(
        (f"did you mean {shown(near)}?" for near in classes if _folded(near) == _folded(name)), ""
    )
    return f"{told}, {hint}" if hint else told


def _names(names: list[str]) -> str:
    return one_line(", ".join(names[:SHOWN])) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _folded(name: str) -> str:
    """A key that is equal for nearly identical names."""
    text = _JOINT.sub(" ", unicodedata.normalize("NFKC", name).casefold().strip())
    number = _WHOLE.fullmatch(text)
    return _ZEROS.sub("", number[1] if number else text)
