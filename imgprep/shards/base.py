"""What a shard format is: one file that holds a few arrays with one row for each image."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol, Self, overload

import numpy as np
from numpy.typing import NDArray

from imgprep.arrays.files import ArrayLocation
from imgprep.errors import RequestError

Attributes = Mapping[str, Mapping[str, str]]
NO_ATTRIBUTES: Final[Attributes] = MappingProxyType({})


class Rows(Protocol):
    """Rows of an array that are read when they are asked for: an array in a mapped file, or a view of an open one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the whole array."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its values."""
        ...

    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int, /) -> Any: ...
    @overload
    def __getitem__(self, index: slice, /) -> NDArray[Any]: ...


class ShardReader(Protocol):
    """An open shard; a context manager. Everything wrong with the file is a `SourceError` that names it."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The arrays' shapes by name, in file order; a name holds ``/`` where the file has groups."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The arrays' names, in file order."""
        ...

    def read(self, name: str) -> NDArray[Any]:
        """Reads and checks all rows; text comes as an object array of `str`."""
        ...

    def check(self, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Goes through compressed bytes without keeping what comes out of them; returns shape and dtype."""
        ...

    def rows(self, name: str) -> Rows:
        """The rows, read when they are asked for; mapped where `locate` finds them."""
        ...

    def locate(self, name: str) -> ArrayLocation | None:
        """Where the array lies plainly in the file; None when it is compressed or text."""
        ...

    def attributes(self, group: str) -> Mapping[str, str]:
        """The texts that were written with a group; '' is the file."""
        ...

    def close(self) -> None:
        """Closes the file; mapped rows stay valid."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


class ShardFormat(Protocol):
    """Reader and writer of one format.

    Attributes:
        name: as in the spec.
        suffix: of its files, with the dot.
    """

    @property
    def name(self) -> str:
        """The name in the spec."""
        ...

    @property
    def suffix(self) -> str:
        """The end of its files' names, with the dot."""
        ...

    @property
    def compressions(self) -> tuple[str, ...]:
        """The names of the compressions that can be used here and now; the first is ``none``."""
        ...

    def check(self, compression: str) -> None:
        """Does nothing when `write` can use the compression.

        Raises:
            RequestError: it is not known, or needs a package that is not installed.
        """
        ...

    def write(
        self, arrays: Mapping[str, NDArray[Any]], compression: str = "none", attributes: Attributes = NO_ATTRIBUTES
    ) -> tuple[memoryview, ...]:
        """Builds the whole file in memory, so that a full disk or a crash never leaves half of one.

        Large arrays are not copied: they must stay as they are until the blocks have been used.

        Args:
            arrays: name -> (N, ...) array of numbers, or of `str` without NUL; names may hold ``/`` for groups.
            compression: one of `compressions`; only arrays of images and the like are compressed.
            attributes: group -> name -> text of less than 64 KiB; the group '' is the file.

        Returns:
            The blocks that make up the file, the same for the same arrays.

        Raises:
            RequestError: the compression cannot be used, or the format has no attributes.
        """
        ...

    def open(self, path: str) -> ShardReader:
        """Opens a file that `write` made; it is trusted no more than any other.

        Raises:
            SourceError: the file is missing, damaged or hostile.
        """
        ...


def is_text(array: NDArray[Any]) -> bool:
    """Whether an array holds `str` (NumPy's string types, or objects, which are then all taken for `str`)."""
    return array.dtype.kind in "UTO"


def strings(array: NDArray[Any]) -> list[str]:
    """The strings of an (N,) array of text.

    Raises:
        ValueError: one is no `str`, or holds a NUL, which no format stores.
    """
    texts: list[str] = array.tolist()
    if array.ndim != 1 or any(not isinstance(text, str) or "\0" in text for text in texts):
        raise ValueError("text is an (N,) array of str without NUL")
    return texts


def text_array(texts: Iterable[str]) -> NDArray[Any]:
    """(N,) object array of `str`: a NumPy string array would be as wide as its longest string in every row."""
    found = list(texts)
    array = np.empty(len(found), dtype=object)
    array[:] = found
    return array


def refuse_compression(format_name: str, compression: str, known: tuple[str, ...], plugin: str = "") -> RequestError:
    """The error for a compression that cannot be used; `plugin` is the package that would bring it."""
    if plugin:
        return RequestError(f"compression {compression} needs the package {plugin}: pip install {plugin}")
    return RequestError(f"{format_name} has no compression {compression!r}; choose from {', '.join(known)}")
