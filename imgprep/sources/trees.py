"""Where the files of a collection are: in a folder on disk, in an archive that is not unpacked, or in an object store.

A layout says what the places of files mean; it works over any of these.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from imgprep.archives.opening import inside
from imgprep.decoding.files import read_bytes
from imgprep.sources.archive_tree import ArchiveTree
from imgprep.sources.confined_paths import Files, LocalFiles
from imgprep.sources.junk import junk
from imgprep.sources.links import Links, path_of
from imgprep.sources.store_tree import StoreTree
from imgprep.sources.walk import Place, folders, list_root, walk, walk_together
from imgprep.table.sample import Alike, Sample
from imgprep.util.addresses import ADDRESS, address_of


class FileTree(Protocol):
    """A folder of files, and all that is in it."""

    @property
    def isolated(self) -> bool:
        """True if it is to be listed in a worker, because reading it may stall or exhaust memory."""
        ...

    def walk(self, place: Callable[[tuple[str, ...]], Place], links: Links = "inside") -> Iterator[Sample]:
        """Lists everything in it; see `walk.walk`."""
        ...

    def walk_together(
        self, place: Callable[[tuple[str, ...]], Place], links: Links = "inside"
    ) -> Iterator[Sample | Alike]:
        """The same, where it can with the files of a folder together; see `walk.walk_together`."""
        ...

    def read(self, location: str, stamp: tuple[int, int]) -> bytes:
        """Reads a file that was listed.

        Args:
            location: of its sample.
            stamp: of its sample: another file that took its place since is refused.

        Raises:
            ImageError: it cannot be read, or has changed since.
        """
        ...

    def file_of(self, location: str) -> Path | None:
        """The file on disk of a location; None when it is no file of its own."""
        ...

    def found_by(self, extension: str, links: Links) -> Files:
        """Returns the index that looks up the paths in a table under this folder."""
        ...

    def files(self, folder: str = "") -> Iterator[str]:
        """The names of the files in a folder of it."""
        ...

    def subfolders(self, folder: str = "", *, links: bool = True) -> list[str]:
        """The names of the folders in a folder of it, without those of the system; links to folders where asked for."""
        ...

    def folders(self) -> Iterator[tuple[str, ...]]:
        """The folders that `walk` enters, as names from this one down, links left out."""
        ...


class Disk:
    """A folder on disk; see `FileTree`."""

    isolated = False

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path = os.fspath(root)

    def walk(self, place: Callable[[tuple[str, ...]], Place], links: Links = "inside") -> Iterator[Sample]:
        """Lists everything in it."""
        return walk(self._root, place, links)

    def walk_together(
        self, place: Callable[[tuple[str, ...]], Place], links: Links = "inside"
    ) -> Iterator[Sample | Alike]:
        """The same with the files of a folder together."""
        return walk_together(self._root, place, links)

    def read(self, location: str, stamp: tuple[int, int]) -> bytes:
        """Reads a file."""
        return read_bytes(path_of(self._path, location), stamp)

    def file_of(self, location: str) -> Path | None:
        """The file itself."""
        path = Path(path_of(self._path, location))
        return path if path.is_file() else None

    def found_by(self, extension: str, links: Links) -> Files:
        """Looks up paths of a table."""
        return LocalFiles(self._root, extension, links)

    def files(self, folder: str = "") -> Iterator[str]:
        """The names of the files in a folder, links to files too."""
        with os.scandir(self._root / folder) as listing:
            yield from (entry.name for entry in listing if entry.is_file())

    def subfolders(self, folder: str = "", *, links: bool = True) -> list[str]:
        """The names of the folders in a folder."""
        return [
            name[:-1]
            for name, entry in list_root(self._root / folder).others.items()
            if entry.is_dir(follow_symlinks=links) and not junk(entry.name, folder=True)
        ]

    def folders(self) -> Iterator[tuple[str, ...]]:
        """The folders in it."""
        return folders(self._root)


def tree_of(path: Path) -> FileTree:
    """The files under a path: of a folder, an archive, a folder in one such as ``images.zip/train``, or an address.

    Raises:
        RequestError: there is no such folder in the archive.
        SourceError: the archive is damaged or hostile as a whole.
        ResourceError: the archive cannot be read.
    """
    place = inside(path)  # asked for each image
    if place is not None:
        return ArchiveTree(place)
    address = address_of(path) if ADDRESS.match(str(path)) else None
    return Disk(path) if address is None else StoreTree(address)
