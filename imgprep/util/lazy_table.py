"""Tables of implementations that are imported on first access."""

import importlib
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class LazyTable(Mapping[str, T], Generic[T]):
    """Mapping from a name to an object that is imported on access.

    Args:
        entries: name -> ``module:attribute``; or the ``module:attribute`` of a whole table.

    >>> LazyTable({"join": "os.path:join"})["join"]("a", "b")
    'a/b'
    """

    def __init__(self, entries: Mapping[str, str] | str) -> None:
        self._entries = entries

    def __getitem__(self, name: str) -> T:
        entry: T = self._table()[name]
        return imported(entry) if isinstance(entry, str) else entry

    def __contains__(self, name: object) -> bool:
        return name in self._table()

    def __iter__(self) -> Iterator[str]:
        return iter(self._table())

    def __len__(self) -> int:
        return len(self._table())

    def _table(self) -> Mapping[str, Any]:
        return imported(self._entries) if isinstance(self._entries, str) else self._entries


def imported(path: str) -> Any:
    """Imports and returns what ``module:attribute`` names."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)
