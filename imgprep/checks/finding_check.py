"""Validates what third-party rules give, by the types of `Finding` and `Table`."""

from collections.abc import Iterable
from functools import cache
from typing import Any, get_type_hints

from imgprep.checks.base import Finding, Table
from imgprep.errors import one_line
from imgprep.settings.type_descriptions import expectation


def checked_table(table: object) -> Table:
    """A table of a rule, if it is well formed.

    Raises:
        ValueError: it is no `Table`, a field is not of the type declared, or a row has another number of cells.
    """
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415

    try:
        found: Table = TypeAdapter(Table).validate_python(table)
    except ValidationError as error:
        item = error.errors(include_url=False)[0]
        place = ".".join(map(str, item["loc"])) or "the table"
        raise ValueError(f"{place} of its table: {one_line(item['msg'], 80)}") from None
    if not found.columns or any(len(row) != len(found.columns) for row in found.rows):
        raise ValueError("each row of its table has a cell for every column, the name of a class first")
    return found


def checked_findings(yielded: Iterable[object]) -> list[Finding]:
    """The findings, if all are well formed.

    Raises:
        ValueError: one is no `Finding`, or one of its fields is not of the type that `Finding` declares.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - `imgprep --help` does not wait for it

    try:
        found: list[Finding] = _adapter().validate_python(list(yielded))
    except ValidationError as error:
        raise ValueError(_told(error.errors(include_url=False)[0])) from None
    return found


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter  # noqa: PLC0415

    return TypeAdapter(list[Finding])


def _told(item: Any) -> str:
    _, *field = item["loc"]
    value = one_line(repr(item["input"]), 80)
    if not field:
        return f"must yield Finding objects, not {value}"
    hint = get_type_hints(Finding, include_extras=True)[field[0]]
    return f"the {field[0]} of a finding holds {value}; expected {expectation(hint)}"
