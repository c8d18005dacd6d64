"""Sources that keep files open, in a cache for each thread."""

import os
import sys
import threading
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Generic, Protocol, Self, TypeVar

from imgprep.archives.files import file_stamp
from imgprep.errors import SourceError, one_line
from imgprep.sources.base import Source


class Closable(Protocol):
    """An open file."""

    def close(self) -> object:
        """Closes it."""
        ...


T = TypeVar("T", bound=Closable)


class _OpenFiles(dict[tuple[int, str, tuple[int, int]], T]):
    """Open files by process, path and stamp; closed when the thread ends."""

    def __del__(self) -> None:
        if sys.is_finalizing():  # the libraries that close files may be gone by then, and the system closes them anyway
            return
        for held in self.values():
            held.close()


class FileCache(threading.local, Generic[T]):
    """The last few files that this thread opened with one function; not shared across a fork or a pickle.

    Each thread has its own because file positions and cached blocks cannot be shared.
    """

    def __init__(self, opener: Callable[[Path], T], most: int = 4) -> None:
        self._opener: Final = opener
        self._most: Final = most
        self._open: _OpenFiles[T] = _OpenFiles()

    def __call__(self, path: str, stamp: tuple[int, int]) -> T:
        """Opens a file, or returns it if it is open already.

        Args:
            path: the file.
            stamp: (size in bytes, modification time in ns) that it had when it was listed.

        Raises:
            SourceError: the file is gone or has changed.
        """
        # The process is part of the key: a forked process must not share positions and handles either.
        key = (os.getpid(), path, stamp)
        found = self._open.get(key)
        if found is None:
            if file_stamp(Path(path)) != stamp:
                raise SourceError(f"{one_line(path)}: changed since it was listed; run again")
            while len(self._open) >= self._most:
                oldest = next(iter(self._open))
                forgotten = self._open.pop(oldest)
                if oldest[0] == key[0]:
                    forgotten.close()
            found = self._open[key] = self._opener(Path(path))
        return found


class FileSource(Source):
    """A source with many images in a file: it keeps the files open that it read last.

    They belong to the source and are no part of its value: an equal source, a copy or a pickled one opens its own.
    """

    __slots__ = ("_files",)

    _files: FileCache[Any]

    def __new__(cls, *_: object, **__: object) -> Self:
        """Makes the source with its cache, by a pickle too."""
        source = super().__new__(cls)
        object.__setattr__(source, "_files", FileCache(cls.open_file))
        return source

    @staticmethod
    @abstractmethod
    def open_file(path: Path) -> Closable:
        """Opens a file to read images from."""
