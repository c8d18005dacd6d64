"""The interface of shard formats: one file that holds a few arrays with one row per image."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol, Self, overload

import numpy as np
from numpy.typing import NDArray

from imgprep.arrays.files import ArrayLocation
from imgprep.errors import RequestError

Attributes = Mapping[str, Mapping[str, str]]
LONGEST_ATTRIBUTE: Final = 64_000
"""Bytes of a text that a group or a file may have as attribute."""
NO_ATTRIBUTES: Final[Attributes] = MappingProxyType({})


class Rows(Protocol):
    """Rows of an array, read on access: a mapped array, or a view of an open file."""

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
    """An open shard; a context manager. Any fault of the file is a `SourceError` that names it."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The arrays' shapes by name, in file order; a name holds ``/`` where the file has groups."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The arrays' names, in file order."""
        ...

    def read(self, name: str) -> NDArray[Any]:
        """Reads and checks all rows; text is an object array of `str`."""
        ...

    def check(self, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Decompresses and checks all bytes without keeping them; returns shape and dtype."""
        ...

    def rows(self, name: str) -> Rows:
        """The rows, read on access; mapped where `locate` finds them."""
        ...

    def locate(self, name: str) -> ArrayLocation | None:
        """The place of an uncompressed array in the file; None when it is compressed or text."""
        ...

    def attributes(self, group: str) -> Mapping[str, str]:
        """The attributes of a group; '' is the file."""
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
        """Checks that `write` can use a compression.

        Raises:
            RequestError: it is unknown, or needs a package that is not installed.
        """
        ...

    def write(
        self, arrays: Mapping[str, NDArray[Any]], compression: str = "none", attributes: Attributes = NO_ATTRIBUTES
    ) -> tuple[memoryview, ...]:
        """Builds the whole file in memory, so that a full disk or a crash never leaves an incomplete one.

        Large arrays are not copied: do not change them until the blocks have been used.

        Args:
            arrays: name -> (N, ...) array of numbers, or of `str` without NUL; names may hold ``/`` for groups.
            compression: one of `compressions`; applied to arrays of two or more dimensions.
            attributes: group -> name -> text of at most `LONGEST_ATTRIBUTE` bytes; the group '' is the file, whose
                attributes a format leaves out that has none.

        Returns:
            The blocks that make up the file; deterministic.

        Raises:
            RequestError: the compression cannot be used, or the format has no groups with attributes.
        """
        ...

    def open(self, path: str) -> ShardReader:
        """Opens a file; it is not trusted, even if `write` made it.

        Raises:
            SourceError: the file is missing, damaged or hostile.
        """
        ...


def is_text(array: NDArray[Any]) -> bool:
    """Returns whether an array holds `str`: NumPy's string dtypes, or objects, which are assumed to be `str`."""
    return array.dtype.kind in "UTO"


def strings(array: NDArray[Any]) -> list[str]:
    """The strings of an (N,) array of text.

    Raises:
        ValueError: an element is not a `str` or contains NUL, which no format stores.
    """
    texts: list[str] = array.tolist()
    if array.ndim != 1 or not all(isinstance(text, str) for text in texts) or "\0" in "".join(texts):
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
