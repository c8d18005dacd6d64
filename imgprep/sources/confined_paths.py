"""Paths written in a table: relative to a folder, and never out of it but by links that may be followed.

A path is looked up as it is written first. Where there is no such file it is tried with ``/`` for backslashes, with the
extension that the table leaves out, and in another Unicode normal form.
"""

import os
import posixpath
import re
import stat
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from imgprep.decoding.formats import format_of_extension
from imgprep.errors import RequestError, check_surroundings, one_line
from imgprep.sources.links import Links, location_of, path_of

_DRIVE: Final = re.compile(r"[A-Za-z]:[\\/]")
_LISTED: Final = 32
"""Folders of which the names are kept."""
_MISSING: Final = "no such file"


class Found(NamedTuple):
    """A path of a table, looked up.

    Attributes:
        location: relative to the folder, all links resolved; absolute where a link led out of it.
        stamp: (size in bytes, modification time in ns).
        reason: why it cannot be read; '' when it can.
        cause: what the reason has in common with those of other paths.
    """

    location: str
    stamp: tuple[int, int] = (0, 0)
    reason: str = ""
    cause: str = ""


class LedOutError(Exception):
    """A link leads out of the folder."""


def check_extension(extension: str | None) -> str:
    """An extension with its dot; '' for none.

    Raises:
        RequestError: it cannot be one; the message begins with the option.

    >>> check_extension("jpg"), check_extension(".tar.gz"), check_extension(None)
    ('.jpg', '.tar.gz', '')
    """
    if extension is None:
        return ""
    bare = extension.removeprefix(".")
    if not re.fullmatch(r"[\w+-]+(\.[\w+-]+)*", bare):
        raise RequestError(f"extension: {one_line(repr(extension), 40)} is no file extension; give one such as jpg")
    return f".{bare}"


class Files(ABC):
    """Looks paths up under one folder.

    Args:
        extension: appended to a path that has none, with its dot.
    """

    def __init__(self, extension: str = "") -> None:
        self._extension = extension
        self._names: dict[str, dict[str, list[str]]] = {}

    @abstractmethod
    def _under_root(self, text: str) -> str | None:
        """The part of an absolute path after the root; None when it lies outside."""

    @abstractmethod
    def _look_up(self, path: str) -> Found:
        """Looks up a path in normal form, relative to the root.

        Raises:
            LedOutError: a link in it leads out.
            OSError: there is no such file.
        """

    @abstractmethod
    def _names_in(self, folder: str) -> Iterable[str]:
        """The names in a folder, of files and folders.

        Raises:
            LedOutError: a link in it leads out.
            OSError: there is no such folder.
        """

    def find(self, text: str) -> Found:
        r"""Looks a path up; one that lies outside of the folder (also by a link) or has a NUL has a reason.

        Args:
            text: the path as written; absolute, or relative with ``/`` or ``\`` between its parts.
        """
        if "\0" in text:
            return Found(text, reason="a NUL in the path; correct the table", cause="NUL")
        failed: Found | None = None
        for look_up in (self._as_written, self._in_any_form):
            for spelling in self._spellings(text):
                found = look_up(spelling)
                if not found.reason:
                    return found
                if failed is None or (failed.cause == _MISSING and found.cause != _MISSING):
                    failed = found
            if text.isascii():
                break
        assert failed is not None
        return failed

    def _spellings(self, text: str) -> Iterator[str]:
        for path in (text, text.replace("\\", "/")) if "\\" in text else (text,):
            yield path
            if self._extension and not _is_image_name(path):
                yield path + self._extension

    def _as_written(self, text: str) -> Found:
        path = self._relative(text)
        if isinstance(path, Found):
            return path
        try:
            return self._look_up(path)
        except LedOutError:
            return self._outside(text, "is a link that leads out of the folder of the images", "link")
        except OSError as error:
            check_surroundings(error)
            missing = isinstance(error, FileNotFoundError | NotADirectoryError)
            reason = _MISSING if missing else error.strerror or "error"
            return Found(path, reason=f"cannot be read: {reason}", cause=reason)

    def _relative(self, text: str) -> str | Found:
        """A path relative to the root, or why it is none."""
        path = text
        if text.startswith(("/", "\\", "~/")) or _DRIVE.match(text):
            inner = self._under_root(text)
            if inner is None:
                return self._outside(text, "is absolute, outside of the folder of the images", "absolute")
            path = inner
        path = posixpath.normpath(path)
        if path == ".." or path.startswith("../"):
            return self._outside(text, "leads out of the folder of the images", "leads out")
        return path

    def _in_any_form(self, text: str) -> Found:
        """Looks a path up by the names on disk that are the same but for their Unicode normal form."""
        path = self._relative(text)
        if isinstance(path, Found):
            return path
        parts: list[str] = []
        for part in path.split("/"):
            try:
                names = self._listed("/".join(parts)).get(unicodedata.normalize("NFC", part), [])
            except (OSError, LedOutError):
                names = []
            if len(names) > 1 and part not in names:
                reason = f"{len(names)} files differ from it in Unicode normal form only; write it as it is on disk"
                return Found(path, reason=reason, cause="normal form")
            if not names:
                return Found(path, reason=f"cannot be read: {_MISSING}", cause=_MISSING)
            parts.append(part if part in names else names[0])
        return self._as_written("/".join(parts))

    def _listed(self, folder: str) -> dict[str, list[str]]:
        """The names in a folder by their composed form."""
        names = self._names.get(folder)
        if names is None:
            while len(self._names) >= _LISTED:
                del self._names[next(iter(self._names))]
            names = self._names[folder] = {}
            for name in self._names_in(folder):
                names.setdefault(unicodedata.normalize("NFC", name), []).append(name)
        return names

    def _outside(self, text: str, what: str, cause: str) -> Found:
        told = f"the location {one_line(text, 80)!r} {what}; paths are relative to the table, or to source.image_root"
        return Found(text, reason=told, cause=cause)


class LocalFiles(Files):
    """Looks paths up under one folder of the file system; remembers the folders it has seen.

    Args:
        root: the folder.
        extension: appended to a path that has none, with its dot.
        links: how far links are followed.
    """

    def __init__(self, root: Path, extension: str = "", links: Links = "inside") -> None:
        super().__init__(extension)
        self.root = os.path.realpath(root)
        self._inside = "" if self.root == os.sep else self.root
        self._roots = [f"{path.rstrip(os.sep)}{os.sep}" for path in dict.fromkeys((self.root, os.fspath(root)))]
        self._links = links
        self._folders: dict[str, str] = {}
        self._elsewhere: dict[str, str] = {}

    def _under_root(self, text: str) -> str | None:
        """The part of an absolute path after the root; None when it lies outside."""
        if not Path(text).is_absolute():
            return None
        path = os.path.normpath(text)
        for root in self._roots:
            if path.startswith(root):
                return path[len(root) :].replace(os.sep, "/")
        head, name = os.path.split(path)
        if head not in self._elsewhere:  # the root under another name, as /tmp is /private/tmp on macOS
            self._elsewhere[head] = os.path.realpath(head).rstrip(os.sep)
        real = f"{self._elsewhere[head]}{os.sep}{name}"
        return real[len(self._roots[0]) :].replace(os.sep, "/") if real.startswith(self._roots[0]) else None

    def _look_up(self, path: str) -> Found:
        head, name = posixpath.split(path)
        folder = self._folders.get(head)
        if folder is None:
            folder = self._folders[head] = self._resolved(f"{self._inside}/{head}") if head else ""
        location = f"{folder}/{name}" if folder else name
        status = os.lstat(path_of(self._inside, location))
        if stat.S_ISLNK(status.st_mode):
            location = self._resolved(path_of(self._inside, location))
            status = os.lstat(path_of(self._inside, location))
        if not stat.S_ISREG(status.st_mode):
            return Found(location, reason="not a regular file", cause="not a regular file")
        return Found(location, (status.st_size, status.st_mtime_ns))

    def _resolved(self, path: str) -> str:
        target = os.path.realpath(path)
        if target == self.root:
            return ""
        if self._links == "inside" and not target.startswith(self._inside + os.sep):
            raise LedOutError
        return location_of(target, self._inside)

    def _names_in(self, folder: str) -> Iterable[str]:
        real = self._resolved(f"{self._inside}/{folder}") if folder else ""
        return (entry.name for entry in Path(path_of(self._inside, real) or os.sep).iterdir())


def _is_image_name(path: str) -> bool:
    """Returns whether a path ends in the extension of an image format."""
    name = posixpath.basename(path)
    return "." in name and format_of_extension(name.rpartition(".")[2]) is not None
