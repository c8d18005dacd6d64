"""A folder in an archive, or in anything else that has an index, listed and read like a folder on disk."""

import heapq
import posixpath
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from imgprep.archives.base import Archive
from imgprep.archives.index import Index, Member
from imgprep.archives.opening import Inside, open_archive
from imgprep.errors import RequestError, one_line
from imgprep.sources.base import safe_text
from imgprep.sources.confined_paths import Files, Found, LedOutError
from imgprep.sources.junk import junk
from imgprep.sources.links import Links
from imgprep.sources.walk import Place
from imgprep.table.sample import Sample, Status

Placing = Callable[[tuple[str, ...]], Place]
_OUT: Final = "link that leads out of the source folder, or in a circle"


class IndexedTree(ABC):
    """A folder of which there is an index; see `trees.FileTree`.

    Args:
        root: the path of the folder in the index; '' for all of it.
    """

    def __init__(self, root: str) -> None:
        self._root: Final = root

    @property
    @abstractmethod
    def _index(self) -> Index:
        """What is in it."""

    def walk(self, place: Placing, links: Links = "inside") -> Iterator[Sample]:
        """Lists everything in the folder, sorted by id; links are followed inside it only."""
        del links  # nothing outside of the index belongs to it
        return _Walk(self._index, self._root, place).samples()

    walk_together = walk

    def file_of(self, location: str) -> Path | None:
        """Always None: no file on disk holds the image alone."""
        del location
        return None

    def found_by(self, extension: str, links: Links) -> Files:
        """Looks up paths of a table."""
        del links
        return _IndexedFiles(self._index, self._root, extension)

    def files(self, folder: str = "") -> Iterator[str]:
        """The names of the files in a folder."""
        folder = self._path(folder)
        row, end = self._index.under(folder)
        start = len(folder) + bool(folder)
        while row < end:
            name = self._index.names[row][start:]
            if "/" in name and self._index.kind(row) != "misnamed":
                row = self._index.under(posixpath.join(folder, name.partition("/")[0]))[1]
                continue
            if self._index.kind(row) in {"file", "link"}:
                yield name
            row += 1

    def subfolders(self, folder: str = "", *, links: bool = True) -> list[str]:
        """The names of the folders in a folder; links to folders too, where asked for."""
        folder = self._path(folder)
        row, end = self._index.under(folder)
        start, found = len(folder) + bool(folder), list[str]()
        while row < end:
            whole = self._index.names[row]
            name, slash, _ = whole[start:].partition("/")
            if self._index.kind(row) == "misnamed":
                row += 1
                continue
            if slash:
                found.append(name)
                row = self._index.under(posixpath.join(folder, name))[1]
                continue
            if links and self._index.kind(row) == "link":
                target = self._index.lead(whole, self._index[row].target)
                found += [name] if target is not None and self._index.is_folder(target) else []
            row += 1
        return sorted((name for name in set(found) if not junk(name, folder=True)), key=lambda name: f"{name}/")

    def folders(self) -> Iterator[tuple[str, ...]]:
        """The folders that `walk` enters, as names from this one down, links left out."""
        first, end = self._index.under(self._root)
        start, before = len(self._root) + bool(self._root), list[str]()
        for row in range(first, end):
            if self._index.kind(row) == "misnamed":
                continue
            above = self._index.names[row][start:].split("/")[:-1]
            if above == before:
                continue
            known = next((n for n, (a, b) in enumerate(zip(above, before, strict=False)) if a != b), len(before))
            before = above
            for depth in range(len(above)):
                if junk(above[depth], folder=True):
                    break
                if depth >= known:
                    yield tuple(above[: depth + 1])

    def _path(self, folder: str) -> str:
        path = posixpath.join(self._root, folder).rstrip("/")
        resolved = self._index.resolved(path)
        return path if resolved is None else resolved


class ArchiveTree(IndexedTree):
    """A folder in an archive, or a whole archive; see `trees.FileTree`.

    Args:
        place: of the folder.

    Raises:
        RequestError: there is no such archive, or no such folder in it.
        SourceError: the archive is damaged or hostile as a whole.
        ResourceError: it cannot be read.
    """

    isolated: Final = True

    def __init__(self, place: Inside) -> None:
        super().__init__(place.name)
        self._archive: Final[Archive] = open_archive(place.archive)
        if not self._index.is_folder(place.name):
            raise RequestError(
                f"{one_line(place.archive)}: no folder {one_line(place.name, 120)!r} in the archive; check source.path"
            )

    @property
    def _index(self) -> Index:
        return self._archive.index

    def read(self, location: str, stamp: tuple[int, int]) -> bytes:
        """Reads a file."""
        return self._archive.read(posixpath.join(self._root, location), stamp)


class _Walk:
    """Lists what is in a folder of an index."""

    def __init__(self, index: Index, root: str, place: Placing) -> None:
        self._index = index
        self._root = root
        self._place = place
        self._odd: set[str] = set()

    def samples(self) -> Iterator[Sample]:
        return self._under(self._root, (), nested=False)

    def _under(self, folder: str, above: tuple[str, ...], *, nested: bool) -> Iterator[Sample]:
        """The samples of a folder, which the names above lead to."""
        shown, start = "".join(f"{name}/" for name in above), len(folder) + bool(folder)
        here, parts, skipped = self._place(above), list[str](), ""
        for name, row, member in self._entries(folder, start):
            if skipped and name.startswith(skipped):
                continue
            if member.kind == "misnamed":
                yield self._refused(shown + name, row, "quarantined", member.reason)
                continue
            *inner, last = name.split("/")
            if inner != parts:
                parts, skipped = inner, ""
                if unwanted := next((depth for depth, part in enumerate(inner, 1) if junk(part, folder=True)), 0):
                    outer = "/".join(inner[:unwanted])
                    skipped, location = f"{outer}/", self._location(posixpath.join(folder, outer))
                    reason = junk(inner[unwanted - 1], folder=True)
                    yield Sample(safe_text(shown + skipped), location, "", status="skipped", reason=reason)
                    continue
                here = self._place((*above, *inner))
            if member.kind == "folder":
                continue
            if member.kind == "link":
                yield from self._link(member, row, (*above, *inner, last), here, nested=nested)
            else:
                yield self._sample(shown + name, row, member, here, junk(last))

    def _entries(self, folder: str, start: int) -> Iterable[tuple[str, int, Member]]:
        """Name, row and content of all in a folder, in the order of their ids: links to folders count as folders."""
        first, end = self._index.under(folder)
        linked = frozenset(row for row in self._index.links((first, end)) if self._leads_to_folder(row))
        members = zip(range(first, end), self._index.members(first, end), strict=True)
        plain = ((f"{member.name}{'/' * (member.kind == 'folder')}"[start:], row, member) for row, member in members)
        if not linked:
            return plain
        others = sorted((f"{self._index.names[row][start:]}/", row, self._index[row]) for row in linked)
        return (
            (name[:-1] if row in linked else name, row, member)
            for name, row, member in heapq.merge((entry for entry in plain if entry[1] not in linked), others)
        )

    def _leads_to_folder(self, row: int) -> bool:
        target = self._index.lead(self._index.names[row], self._index[row].target)
        return target is not None and self._index.is_folder(target)

    def _link(self, link: Member, row: int, parts: tuple[str, ...], here: Place, *, nested: bool) -> Iterator[Sample]:
        identity = "/".join(parts)
        target = self._index.lead(link.name, link.target) if not link.reason else None
        prefix = f"{self._root}/" if self._root else ""
        if target is None or not (target + "/").startswith(prefix):
            yield self._refused(identity, row, "quarantined", link.reason or _OUT)
        elif self._index.is_folder(target):
            if unwanted := junk(parts[-1], folder=True):
                yield self._refused(f"{identity}/", row, "skipped", unwanted)
            elif reason := self._why_not_entered(link.name, target, nested=nested):
                yield self._refused(f"{identity}/", row, "quarantined", reason)
            else:
                yield from self._under(target, parts, nested=True)
        elif (found := self._index.row(target)) is not None and self._index.kind(found) == "file":
            yield self._sample(identity, row, self._index[found], here, junk(parts[-1]))
        else:
            yield self._refused(identity, row, "quarantined", "dangling link")

    def _why_not_entered(self, name: str, target: str, *, nested: bool) -> str:
        if not target or name.startswith(f"{target}/"):
            return "link to a folder above it"
        if nested:
            return "link to a folder, in a folder that is a link itself"
        return "also the name of a folder" if self._index.is_folder(name) else ""

    def _sample(self, identity: str, row: int, member: Member, here: Place, unwanted: str) -> Sample:
        """The sample of a file, which is the member or what it links to."""
        location, stamp = self._location(member.name), (member.size, member.stamp)
        if unwanted:
            return Sample(self._id(identity, row), location, "", status="skipped", reason=unwanted, stamp=stamp)
        if member.reason or self._index.replaced(row):
            reason = member.reason or "a later member of the archive has the same name, and replaces it"
            return self._refused(identity, row, "quarantined", reason)
        label, attributes, split, status, why = here
        return Sample(self._id(identity, row), location, label, attributes, "", split, status, why, stamp)

    def _refused(self, identity: str, row: int, status: Status, reason: str) -> Sample:
        location = self._location(self._index.names[row])
        return Sample(self._id(identity, row), location, "", status=status, reason=reason)

    def _location(self, name: str) -> str:
        return name[len(self._root) + bool(self._root) :]

    def _id(self, identity: str, row: int) -> str:
        """A unique id: of members of one name all but the last have a number."""
        count, name = 0, safe_text(identity)
        later = row
        while self._index.replaced(later):
            later, count = later + 1, count + 1
        if not count and name is identity:
            return name
        unique = f"{name}#{count}" if count else name
        while unique in self._odd or self._index.row(unique) is not None:
            unique += "~"
        self._odd.add(unique)
        return unique


class _IndexedFiles(Files):
    """Looks paths up in a folder of an index."""

    def __init__(self, index: Index, root: str, extension: str) -> None:
        super().__init__(extension)
        self._index = index
        self._root = root

    def _under_root(self, text: str) -> str | None:
        return None

    def _look_up(self, path: str) -> Found:
        resolved = self._resolved(path)
        location = resolved[len(self._root) + bool(self._root) :]
        row = self._index.row(resolved)
        if row is None:
            if self._index.is_folder(resolved):
                return Found(location, reason="not a regular file", cause="not a regular file")
            raise FileNotFoundError
        member = self._index[row]
        if member.kind != "file":
            return Found(location, reason="not a regular file", cause="not a regular file")
        return Found(location, (member.size, member.stamp), member.reason, member.reason)

    def _resolved(self, path: str) -> str:
        resolved = self._index.resolved(posixpath.join(self._root, path))
        if resolved is None or (self._root and not resolved.startswith(f"{self._root}/")):
            raise LedOutError
        return resolved

    def _names_in(self, folder: str) -> Iterable[str]:
        folder = self._resolved(folder) if folder else self._root
        first, end = self._index.under(folder)
        start = len(folder) + bool(folder)
        names = (self._index.names[row][start:].partition("/")[0] for row in range(first, end))
        return dict.fromkeys(name for name in names if name)
