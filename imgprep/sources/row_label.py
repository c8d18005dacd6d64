"""The class of a row of a table, from the value in its column."""

import math

from imgprep.sources.base import check_class


def label_cause(reason: str) -> str:
    """Returns the part of a reason that it shares with those of other labels.

    >>> label_cause("the label is the number 0.5")
    'the label is the number'
    """
    return reason.rpartition(" ")[0] if reason.startswith("the label is the number ") else reason


def row_label(value: object, where: str) -> tuple[str, str]:
    """The class of a row and why the row is quarantined; one of them is ''.

    Args:
        value: in the column.
        where: file and line, for the message.

    Raises:
        RequestError: no class can be called so.
    """
    if isinstance(value, bool):
        return "", f"the label is the truth value {value}; write it in quotes if a class is called so"
    if isinstance(value, int):
        return check_class(str(value), where), ""
    if isinstance(value, float):
        return "", "the label is NaN" if math.isnan(value) else f"the label is the number {value}"
    if isinstance(value, list):
        return (
            "",
            "the label is a list; several for one image are targets: {tags: many}, see the documentation",
        )
    if isinstance(value, str) and value.strip():
        return check_class(value.strip(), where), ""
    return "", "no label" if value is None or isinstance(value, str) else "the label is no text"
