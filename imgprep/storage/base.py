"""The interface of stores: objects by their keys, listed, read as a whole or in ranges, written under a condition."""

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from imgprep.errors import ResourceError


class Entry(NamedTuple):
    """An object as a store lists it.

    Attributes:
        key: in the bucket.
        size: in bytes.
        version: changes with the content: the ETag, or the time of the last change where there is none.
    """

    key: str
    size: int
    version: str


class MissingError(ResourceError):
    """There is no such object, or no such bucket."""


class ConflictError(ResourceError):
    """The condition of a write does not hold: somebody else has written the object."""


class RefusedError(ResourceError):
    """The store does not let us in; asking again will not help."""


class RangelessError(ResourceError):
    """The server gives whole files only."""


class UnconditionalError(ResourceError):
    """The store cannot write under a condition."""


NEW: Final = ""
"""The version of an object that must not be there yet."""


class Storage(Protocol):
    """One bucket. All methods may be called by several threads; each process opens its own.

    All of them raise `RefusedError` where the store does not let us in, and `ResourceError` where it fails even after
    retries with growing pauses, each with one line.
    """

    def list(self, prefix: str) -> Iterator[Entry]:
        """Lists the objects in a folder and in those below, page by page, in no special order.

        Args:
            prefix: the key of the folder; '' for the whole bucket.

        Raises:
            RequestError: a server of web pages does not list files.
        """
        ...

    def head(self, key: str) -> Entry:
        """Size and version of an object.

        Raises:
            MissingError: there is none.
        """
        ...

    def get(self, key: str, most: int) -> tuple[bytes, Entry]:
        """Reads an object as a whole.

        Args:
            key: of the object.
            most: of a larger one nothing is read.

        Raises:
            MissingError: there is none.
            ValueError: it is larger.
        """
        ...

    def read(self, key: str, start: int, end: int) -> bytes:
        """The bytes from `start` to before `end`, all of them.

        Raises:
            MissingError: there is none.
            RangelessError: the server does not give parts of files.
        """
        ...

    def put(self, key: str, content: bytes, version: str | None = None) -> str:
        """Writes an object, as a whole or not at all.

        Args:
            key: of the object.
            content: of the object.
            version: that it must have until now, `NEW` for none; None for any.

        Returns:
            Its version.

        Raises:
            ConflictError: it has another one.
            UnconditionalError: the store has no conditions.
        """
        ...

    def upload(self, key: str, path: str) -> str:
        """Writes an object from a file, as a whole or not at all.

        Returns:
            Its version.
        """
        ...

    def delete(self, key: str) -> None:
        """Removes an object, if it is there."""
        ...
