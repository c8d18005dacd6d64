"""The interface of archives: their index, and the bytes of one member at a time, in any thread and process."""

import os
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from imgprep.archives.index import Index, Member
from imgprep.decoding.files import MAX_BYTES, UNKNOWN
from imgprep.errors import ImageError, ResourceError, SourceError, TransientError, check_surroundings, one_line


class Bytes(Protocol):
    """A file that is read anywhere in it."""

    @property
    def size(self) -> int:
        """Of the file, in bytes."""
        ...

    def read(self, offset: int, size: int) -> bytes:
        """The bytes at an offset, fewer at the end of the file.

        Raises:
            TransientError: they cannot be had now.
            ResourceError: what surrounds the file fails.
        """
        ...


class RandomAccess:
    """A file that is read anywhere in it, by several threads at once; closed when nobody has it any more.

    Args:
        path: of the file.

    Raises:
        ResourceError: it may not be read.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._descriptor: Final = os.open(
                path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
            )
        except OSError as error:
            check_surroundings(error, path)
            raise ResourceError(f"{one_line(path)}: cannot be opened: {error.strerror}; give permission") from error
        self.path: Final = path
        self.size: Final = os.fstat(self._descriptor).st_size
        self._lock: Final = threading.Lock()
        weakref.finalize(self, os.close, self._descriptor)

    def read(self, offset: int, size: int) -> bytes:
        """The bytes at an offset, fewer at the end of the file.

        Raises:
            TransientError: a bad spot of the disk.
            ResourceError: the disk or the network failed.
        """
        try:
            data = self._read(offset, size)
            while 0 < len(data) < size and (more := self._read(offset + len(data), size - len(data))):
                data += more
        except OSError as error:
            check_surroundings(error, self.path)
            raise TransientError(f"cannot be read: {error.strerror}") from None
        return data

    def _read(self, offset: int, size: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._descriptor, size, offset)
        with self._lock:
            os.lseek(self._descriptor, offset, os.SEEK_SET)
            return os.read(self._descriptor, size)


class Archive(ABC):
    """An open archive.

    Args:
        path: of the archive, for messages.
        file: its bytes.

    Attributes:
        path: of the archive.
        index: its members.
    """

    def __init__(self, path: Path, file: Bytes) -> None:
        self.path: Final = path
        self._file: Final[Bytes] = file
        try:
            self.index: Final = Index(path, self._members())
        except TransientError as error:
            raise SourceError(f"{one_line(path)}: {error}") from error

    @abstractmethod
    def _members(self) -> Iterator[Member]:
        """Lists the members in the order of the archive.

        Raises:
            SourceError: the archive is damaged or hostile as a whole.
        """

    @abstractmethod
    def _content(self, member: Member) -> bytes:
        """The content of a file; see `read`."""

    def read(self, name: str, stamp: tuple[int, int] = UNKNOWN, max_bytes: int = MAX_BYTES) -> bytes:
        """Reads a file of the archive.

        Args:
            name: its path in the archive, without links.
            stamp: (size in bytes, stamp) that it had when it was listed; `UNKNOWN` for any.
            max_bytes: a larger file is refused before a byte of it is read.

        Returns:
            All bytes of the file, at least one.

        Raises:
            ImageError: no such file, or it is damaged, encrypted, empty, too large, or has changed since it was listed.
        """
        row = self.index.row(name)
        member = None if row is None else self.index[row]
        if member is None or member.kind != "file":
            raise ImageError("file vanished from the archive; run again")
        if member.reason:
            raise ImageError(member.reason)
        if stamp not in {UNKNOWN, (member.size, member.stamp)}:
            raise ImageError("file changed since it was listed; run again")
        if member.size > max_bytes:
            raise ImageError(f"file of {member.size} bytes is over the limit of {max_bytes} bytes")
        if not member.size:
            raise ImageError("empty file")
        return self._content(member)
