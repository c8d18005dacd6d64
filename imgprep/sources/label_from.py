"""The keys `source.labels` and `source.label_from`: collections with labels in file names, and those without any."""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final, Literal

from imgprep.errors import RequestError, one_line
from imgprep.sources.base import check_class
from imgprep.table.sample import Sample
from imgprep.util.time_limit import TooSlowError, map_in_time

Labels = Literal["inferred", "none"]
"""Where the labels come from: from the layout, or there are none."""
LABEL: Final = "label"
"""The group of the expression that is the label, where there are several."""
AVOID: Final = "simplify the expression: repeat no group that repeats inside, as (a+)+ does"


class LabelFromError(RequestError):
    """The expression does not fit the collection."""


def check_labels(labels: Labels, label_from: str | None) -> None:
    """Checks the two keys of a source.

    Raises:
        RequestError: they contradict each other, or the expression is wrong; the message begins with the key.
    """
    if label_from is None:
        return
    if labels == "none":
        raise RequestError("labels: none, and label_from finds some; leave one of them out")
    label_group(label_from)


def label_group(label_from: str) -> str | int:
    """The group of an expression that is the label: the one called so, or the only one.

    Raises:
        RequestError: it is no regular expression, or its groups do not say which is the label.

    >>> label_group("^([a-z]+)_"), label_group("(?P<group>p[0-9]+)-(?P<label>[a-z]+)")
    (1, 'label')
    """
    try:
        pattern = re.compile(label_from)
    except (re.error, OverflowError, RecursionError) as error:
        raise RequestError(f"label_from: is no regular expression: {one_line(error)}") from None
    if LABEL in pattern.groupindex:
        return LABEL
    if pattern.groups == 1 and not pattern.groupindex:
        return 1
    if pattern.groups == 0:
        raise RequestError("label_from: has no group; put what is the label in brackets, as in ^([a-z]+)_")
    raise RequestError("label_from: does not say which group is the label; call it so, as in ^(?P<label>[a-z]+)_")


def find_labels(samples: Iterable[Sample], label_from: str, *, slashes: bool = False) -> Iterator[Sample]:
    """Gives each image the label that the expression finds in its id, the path relative to the root.

    Its other named groups are attributes; those called ``group`` and ``split`` are the group and the split, as columns
    of these names are. An image in which it finds no label is quarantined.

    Args:
        samples: with or without labels.
        label_from: the expression, checked.
        slashes: whether a backslash in an id parts folders too, as in tables made on Windows.

    Raises:
        LabelFromError: the search takes too long, as some expressions take years; or what it finds cannot be a class.
    """
    find = partial(_with_label, re.compile(label_from), label_group(label_from), slashes=slashes)
    try:
        yield from map_in_time(find, samples)
    except TooSlowError as error:
        where = one_line(error.item.id, 80) if isinstance(error.item, Sample) else ""
        raise LabelFromError(f"{error} to search paths such as {where!r}; {AVOID}") from None


def _with_label(pattern: re.Pattern[str], group: str | int, sample: Sample, *, slashes: bool) -> Sample:
    if sample.status != "ok":
        return sample
    path = sample.id.replace("\\", "/") if slashes else sample.id
    match = pattern.search(path)
    if match is None:
        return sample._replace(label="", status="quarantined", reason="source.label_from does not match its path")
    named = {name: value or "" for name, value in match.groupdict().items()}
    label = (match[group] or "").strip()
    if not label:
        return sample._replace(label="", status="quarantined", reason="source.label_from finds an empty label")
    named.pop(LABEL, None)
    return sample._replace(
        label=_checked(label, sample.id),
        attributes={**sample.attributes, **named} if named else sample.attributes,
        group=named.get("group", "") or sample.group,
        split=named.get("split", "").strip() or sample.split,
    )


def _checked(label: str, id_: str) -> str:
    try:
        return check_class(label, id_)
    except RequestError as error:
        raise LabelFromError(str(error)) from None
