"""The key `source.classes`: every class, in index order."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from imgprep.errors import RequestError
from imgprep.settings.problems import Problem, SpecError, shown, wrong
from imgprep.sources.base import check_class

SCHEMA: Final[Mapping[str, Any]] = {
    "anyOf": [
        {
            "type": "array",
            "items": {"anyOf": [{"type": "string", "minLength": 1}, {"type": "integer"}]},
            "minItems": 1,
            "uniqueItems": True,
        },
        {"type": "null"},
    ],
    "default": None,
    "description": "every class in index order, those without images too; a label that is not in it is refused",
}
_EXPECTED: Final = "expected a list of class names, such as [cat, dog]"


def parse_classes(value: object) -> tuple[str, ...] | None:
    """Checks a list of classes; whole numbers are taken as text.

    Args:
        value: plain data; None for no list.

    Raises:
        SpecError: everything that is wrong, keys relative to the list.
    """
    if value is None:
        return None
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise wrong(f"{_EXPECTED}, not {shown(value)}")
    if not value:
        raise wrong(f"{_EXPECTED}, not an empty one; leave the key out to take the classes that are found")
    seen: dict[str, int] = {}
    found: list[Problem] = []
    for index, item in enumerate(value):
        try:
            name = _name(item)
            if name in seen:
                raise wrong(f"the class {shown(name)} is given twice, first as number {seen[name]}; remove one")
            seen[name] = index
        except SpecError as problems:
            found += [problem.under((index,)) for problem in problems.problems]
    if found:
        raise SpecError(found)
    return tuple(seen)


def are_numbers(classes: tuple[str, ...]) -> bool:
    """Returns whether all classes are called by whole numbers, as labels in arrays are; then those mean the names.

    >>> are_numbers(("0", "5")), are_numbers(("zero", "five"))
    (True, False)
    """
    return all(name.isascii() and name.isdigit() for name in classes)


def _name(item: object) -> str:
    if isinstance(item, bool) or not isinstance(item, str | int):
        raise wrong(f"expected the name of a class, not {shown(item)}; put it in quotes if a class is called so")
    name = str(item)
    try:
        for level in name.split("/"):  # the classes of a hierarchy are paths
            check_class(level, "classes")
    except RequestError:
        raise wrong(f"a class cannot be called {shown(name)}; give a name without control characters") from None
    if name != name.strip():
        raise wrong(f"the class {shown(name)} begins or ends with a blank; remove it")
    return name
