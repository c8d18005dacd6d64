"""Lists the files under a folder: every entry once, in order of id; links must stay inside the root."""

import errno
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple

from imgprep.errors import RequestError, ResourceError, check_surroundings, one_line
from imgprep.sources.base import safe_text
from imgprep.sources.junk import all_images, junk
from imgprep.sources.links import Links, kind, location_of, why_not_followed
from imgprep.sources.stamps import stamps_of
from imgprep.table.sample import NOTHING, Alike, Sample, Status

_TOGETHER: Final = 4096
"""Files of a folder that are listed together at most."""


class Place(NamedTuple):
    """The meaning of a folder's position for the files in it.

    Attributes:
        label: the class.
        attributes: further columns.
        split: the split; '' for none.
        status: of its files that may be images.
        reason: why they are not ``ok``.
    """

    label: str = ""
    attributes: Mapping[str, str] = NOTHING
    split: str = ""
    status: Status = "ok"
    reason: str = ""


class _Folder(NamedTuple):
    """A folder being listed.

    Attributes:
        path: on disk.
        id: prefix of the ids in it, with a final slash; '' for the root.
        location: prefix of the locations in it.
        parts: its names from the root down.
        passed: the folders in which the links lie that led to it, all links resolved.
        same: whether ids and locations in it are equal, except for escaped names.
    """

    path: str
    id: str
    location: str
    parts: tuple[str, ...]
    passed: tuple[str, ...]
    same: bool


class _Tree(NamedTuple):
    """The settings of a walk: the root ('' for that of the file system) and the limits for links."""

    root: str
    links: Links


class Listing(NamedTuple):
    """The content of a folder. Only names are kept of files, as a folder may hold millions.

    Attributes:
        names: valid and unique, in descending code-point order so that `pop` gives the first; names of folders end in
            a slash, as in the ids below them.
        others: name -> entry, ascending, of everything but regular files.
        raw: name -> the name on disk, where it differs.
    """

    names: list[str]
    others: dict[str, os.DirEntry[str]]
    raw: dict[str, str]


def walk(root: Path, place: Callable[[tuple[str, ...]], Place], links: Links = "inside") -> Iterator[Sample]:
    """Lists everything under a folder one by one; see `walk_together`."""
    for found in walk_together(root, place, links):
        if isinstance(found, Alike):
            yield from found
        else:
            yield found


def walk_together(
    root: Path, place: Callable[[tuple[str, ...]], Place], links: Links = "inside"
) -> Iterator[Sample | Alike]:
    """Lists everything under a folder, sorted by id in code-point order, the files of a folder together.

    Links are followed to files and folders; see `links.why_not_followed` for where the walk ends, so that it is finite.

    Args:
        root: the folder.
        place: maps the names of the folders between the root and a file to their meaning; called once per folder.
        links: how far links are followed.

    Raises:
        RequestError: the root is no folder.
        ResourceError: the root cannot be listed.
    """
    top = _Folder(os.path.realpath(root), "", "", (), passed=(), same=True)
    tree = _Tree("" if top.path == os.sep else top.path, links)
    stack = [(top, place(()), list_root(root))]
    while stack:
        folder, here, listing = stack[-1]
        while listing.names:
            name = listing.names.pop()
            entry = listing.others.get(name)
            if entry is None:
                yield from _files(folder, here, listing, name)
                continue
            found = _other(folder, here, name, entry, tree)
            if isinstance(found, Sample):
                yield found
                continue
            try:
                stack.append((found, place(found.parts), _list(found.path)))
            except OSError as error:
                check_surroundings(error, found.path)
                yield _refused(folder, name, entry.name, "quarantined", f"cannot list the folder: {error.strerror}")
                continue
            break
        else:
            stack.pop()


def list_root(root: Path) -> Listing:
    """The content of the root folder of a source.

    Raises:
        RequestError: the root is no folder.
        ResourceError: it cannot be listed.
    """
    try:
        return _list(os.path.realpath(root))
    except NotADirectoryError as error:
        raise RequestError(
            f"{one_line(root)}: no such folder, and no archive that is read (.zip, .tar, .tar.gz); check source.path"
        ) from error
    except FileNotFoundError as error:
        raise RequestError(f"{one_line(root)}: no such folder; check source.path") from error
    except OSError as error:
        check_surroundings(error, root)
        raise ResourceError(f"{one_line(root)}: cannot list the folder: {error.strerror}; give permission") from error


def folders(root: Path) -> Iterator[tuple[str, ...]]:
    """The folders under a root that `walk` would enter, as names from the root down, links left out."""
    stack = [_Folder(os.path.realpath(root), "", "", (), passed=(), same=True)]
    while stack:
        folder = stack.pop()
        try:
            listing = _list(folder.path) if folder.parts else list_root(root)
        except OSError as error:
            check_surroundings(error, folder.path)
            continue
        for name, entry in listing.others.items():
            if entry.is_dir(follow_symlinks=False) and not junk(entry.name, folder=True):
                parts = (*folder.parts, name[:-1])
                yield parts
                stack.append(_Folder(entry.path, "", "", parts, passed=(), same=True))


def _list(path: str) -> Listing:
    names, special = [], []
    with os.scandir(path) as listing:
        for entry in listing:
            if entry.is_file(follow_symlinks=False):
                names.append(entry.name)
            else:
                special.append(entry)
    shown = _shown([*names, *(entry.name for entry in special)]) if not _all_ascii(names, special) else {}
    others = {shown.get(entry.name, entry.name) + "/" * _is_folder(entry): entry for entry in special}
    raw = {shown[name]: name for name in names if name in shown} if shown else {}
    if shown:
        names = [shown.get(name, name) for name in names]
    names += others
    names.sort(reverse=True)
    return Listing(names, dict(sorted(others.items(), key=itemgetter(0))), raw)


def _all_ascii(names: list[str], special: list[os.DirEntry[str]]) -> bool:
    return all(map(str.isascii, names)) and all(entry.name.isascii() for entry in special)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _shown(names: list[str]) -> dict[str, str]:
    """Invalid name -> a unique valid name."""
    odd = sorted(name for name in names if safe_text(name) is not name)
    taken = set(names) if odd else set()
    shown = {}
    for raw in odd:
        name = safe_text(raw)
        while name in taken:
            name += "~"
        taken.add(name)
        shown[raw] = name
    return shown


def _files(folder: _Folder, here: Place, listing: Listing, first: str) -> Iterator[Sample | Alike]:
    """The file of this name and those that follow, which are taken from the listing; at most `_TOGETHER`."""
    names, found = listing.names, [first]
    while names and len(found) < _TOGETHER and names[-1] not in listing.others:
        found.append(names.pop())
    for reason, some in [("", found)] if all_images(found) else _by_reason(found):
        plain = folder.same and not listing.raw and not reason
        stamps = stamps_of(folder.path, some) if plain and len(some) > 1 else None
        if stamps is None:
            yield from (_file(folder, here, name, listing.raw.get(name, name)) for name in some)
        else:
            label, attributes, split, verdict, why = here
            yield Alike(folder.id, some, stamps, Sample("", "", label, attributes, "", split, verdict, why))


def _by_reason(names: list[str]) -> Iterator[tuple[str, list[str]]]:
    return ((reason, list(group)) for reason, group in groupby(names, junk))


def _file(folder: _Folder, here: Place, name: str, raw: str) -> Sample:
    try:
        status = os.lstat(f"{folder.path}/{raw}")  # a string, for the name may be no UTF-8
    except OSError as error:
        check_surroundings(error, f"{folder.path}/{raw}")
        return _refused(folder, name, raw, "quarantined", f"cannot read: {error.strerror}")
    identity = folder.id + name
    location = identity if folder.same and name is raw else folder.location + raw
    return _sample(identity, location, here, junk(raw), status)


def _sample(identity: str, location: str, here: Place, reason: str, status: os.stat_result) -> Sample:
    stamp = (status.st_size, status.st_mtime_ns)
    if reason:
        return Sample(identity, location, "", status="skipped", reason=reason, stamp=stamp)
    label, attributes, split, verdict, why = here
    return Sample(identity, location, label, attributes, "", split, verdict, why, stamp)


def _refused(folder: _Folder, name: str, raw: str, status: Status, reason: str) -> Sample:
    return Sample(folder.id + name, folder.location + raw, "", status=status, reason=reason)


def _other(folder: _Folder, here: Place, name: str, entry: os.DirEntry[str], tree: _Tree) -> Sample | _Folder:
    """The folder to enter or the sample for an entry that is not a regular file."""
    try:
        if entry.is_symlink():
            return _link(folder, here, name, entry, tree)
        if not entry.is_dir(follow_symlinks=False):
            return _refused(folder, name, entry.name, "quarantined", kind(entry.stat(follow_symlinks=False).st_mode))
    except OSError as error:
        check_surroundings(error, entry.path)
        return _refused(folder, name, entry.name, "quarantined", f"cannot read: {error.strerror}")
    if reason := junk(entry.name, folder=True):
        return _refused(folder, name, entry.name, "skipped", reason)
    location = f"{folder.location}{entry.name}/"
    same = folder.same and name == entry.name + "/"
    return _Folder(entry.path, folder.id + name, location, (*folder.parts, name[:-1]), folder.passed, same)


def _link(folder: _Folder, here: Place, name: str, entry: os.DirEntry[str], tree: _Tree) -> Sample | _Folder:
    try:
        target = os.path.realpath(entry.path, strict=True)
        status = os.stat(target)  # noqa: PTH116  (a name that may be no UTF-8)
    except OSError as error:
        check_surroundings(error, entry.path)
        reason = "link that goes in a circle" if error.errno == errno.ELOOP else "dangling link"
        return _refused(folder, name, entry.name, "quarantined", reason)
    location, regular = location_of(target, tree.root), stat.S_ISREG(status.st_mode)
    passed = (*folder.passed, folder.path)
    reason = why_not_followed(target, status.st_mode, *tree, passed)
    if regular and not reason:
        # Store the target: a later change of the link cannot make the reader leave the root.
        return _sample(folder.id + name, location, here, junk(entry.name), status)
    if unwanted := junk(entry.name, folder=True):
        return _refused(folder, name, entry.name, "skipped", unwanted)
    if reason:
        return _refused(folder, name, entry.name, "quarantined", reason)
    return _Folder(target, folder.id + name, f"{location}/", (*folder.parts, name[:-1]), passed, same=False)
