"""Progress and settings of functions that are called from Python."""

import copy
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

LOGGER: Final = logging.getLogger("imgprep")


class LoggingMonitor:
    """Logs notes, and tells of progress.

    Args:
        progress: called with what is done, how many items are, and how many there are; True for bars of `tqdm.auto`.
    """

    def __init__(self, progress: Callable[[str, int, int], None] | bool | None = None) -> None:
        self._progress = None if isinstance(progress, bool) else progress
        self._bars = progress is True
        self._bar: Any = None
        self._what, self._done, self._items = "", 0, 0

    def begin(self, what: str, items: int, unit: str = "images") -> None:
        """See `Monitor.begin`."""
        self._what, self._done, self._items = what, 0, items
        if self._bars:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=items, desc=what, unit=unit)
        self._tell()

    def advance(self, items: int) -> None:
        """See `Monitor.advance`."""
        self._done += items
        if self._bar is not None:
            self._bar.update(items)
        self._tell()

    def end(self) -> None:
        """See `Monitor.end`."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def note(self, message: str) -> None:
        """Logs a note at the level INFO."""
        LOGGER.info(message)

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self._what, self._done, self._items)


def with_settings(spec: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """A spec with some of its values replaced.

    Args:
        spec: nested mappings; they stay as they are.
        settings: dotted keys and values.

    >>> with_settings({"convert": {"size": [8, 8]}}, {"convert.depth": 16})
    {'convert': {'size': [8, 8], 'depth': 16}}
    """
    whole = copy.deepcopy(dict(spec))
    for key, value in settings.items():
        *folders, last = key.split(".")
        section: dict[str, Any] = whole
        for name in folders:
            inner = section.get(name)
            section[name] = dict(inner) if isinstance(inner, Mapping) else {}
            section = section[name]
        section[last] = value
    return whole
