"""Stops at a table whose first rows all fail for one reason: then the spec is wrong, not the rows."""

from typing import Final

from imgprep.errors import RequestError

ENOUGH: Final = 100
"""Rows that must fail."""
_ADVICE: Final = {
    "no such file": "set source.image_root to the folder that locations are relative to, or source.extension if they "
    "lack one",
    "absolute": "set source.image_root to the folder of the images",
    "leads out": "set source.image_root to a folder above the images",
    "link": "set source.follow_links: anywhere to follow links out of the folder",
    "no location": "name the column of the images with source.location_column",
    "no label": "name the column of the classes with source.label_column",
}


class CommonCause:
    """Watches the first rows.

    Args:
        what: the rows are, for the message.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._first: tuple[str, str, str] | None = None
        self._count = 0
        self._over = False

    def saw(self, where: str, cause: str, reason: str) -> None:
        """Takes note of a row.

        Args:
            where: file and line.
            cause: what all such failures have in common; '' for a row that is good.
            reason: the failure itself.

        Raises:
            RequestError: the first hundred rows have failed, all for this cause.
        """
        if self._over:
            return
        first = self._first = self._first or (where, cause, reason)
        self._count += 1
        self._over = not cause or cause != first[1]
        if not self._over and self._count == ENOUGH:
            advice = _ADVICE.get(cause, "correct the table")
            raise RequestError(f"{first[0]}: the first {ENOUGH} {self._what} all fail: {first[2]}; {advice}")
