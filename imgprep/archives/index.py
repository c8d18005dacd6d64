"""The table of contents of an archive, in columns, so that a million members take little memory."""

import os
import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from imgprep.arrays.progress_hook import step
from imgprep.errors import SourceError, one_line
from imgprep.table.columns import StringColumn, blocks

Kind = Literal["file", "folder", "link", "hard link", "other", "misnamed"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
_CODES: Final[Mapping[Kind, int]] = {kind: code for code, kind in enumerate(KINDS)}
MAX_MEMBERS: Final = 5_000_000
MAX_NAME: Final = 4096
"""Bytes in the name of a member, as of a path on disk."""
MAX_DEPTH: Final = 100
"""Folders, one in another."""
_FOLLOWED: Final = 40
"""Links that lead to one another, as Linux follows them."""
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_EVERY: Final = 256


class Member(NamedTuple):
    """One member of an archive.

    Attributes:
        name: its path, with ``/``; undecodable bytes are surrogates.
        kind: what it is; ``misnamed`` where the name is none in the archive, and is as it is written.
        offset: where it begins in the archive: its header in a zip, its content in a tar.
        stored: bytes that it has in the archive.
        size: bytes of its content.
        stamp: changes with its content, as the time of a file does.
        method: how it is compressed, by the number that zip has for it.
        target: what a link leads to, as it is written.
        reason: why it cannot be used; '' when it can.
    """

    name: str
    kind: Kind
    offset: int = 0
    stored: int = 0
    size: int = 0
    stamp: int = 0
    method: int = 0
    target: str = ""
    reason: str = ""


def safe_name(text: str) -> tuple[str, str]:
    """The path of a member in normal form, or the name as it is and why it cannot be used.

    >>> safe_name("./cat//1.jpg"), safe_name("cat/../../1.jpg")
    (('cat/1.jpg', ''), ('cat/../../1.jpg', 'its name leads out of the archive'))
    """
    if len(text) > MAX_NAME // 4 and len(os.fsencode(text)) > MAX_NAME:
        return text[:100], f"its name is longer than {MAX_NAME} bytes"
    if "\0" in text:
        return text, "a NUL in its name"
    if text.startswith("/") or _DRIVE.match(text):
        return text, "its name is absolute"
    parts = text.split("/")
    if ".." in parts:
        return text, "its name leads out of the archive"
    if "" in parts or "." in parts:
        parts = [part for part in parts if part not in {"", "."}]
    if len(parts) > MAX_DEPTH:
        return text, f"lies more than {MAX_DEPTH} folders deep"
    return "/".join(parts), ""


class Index:
    """The members of an archive by name, ascending; those of one name in the order of the archive.

    Args:
        path: of the archive, for messages.
        members: all of them, each with a name of its own or not.
        most: how many there may be; `MAX_MEMBERS` by default.

    Raises:
        SourceError: there are more.
    """

    def __init__(self, path: Path, members: Iterator[Member], most: int | None = None) -> None:
        most = MAX_MEMBERS if most is None else most
        names: list[str] = []
        numbers = offsets, stored, sizes, stamps = [array("q") for _ in range(4)]
        kinds, methods = bytearray(), array("H")
        targets: dict[int, str] = {}
        reasons: dict[int, str] = {}
        for row, member in enumerate(members):
            if not row % _EVERY:
                step()
            if row == most:
                raise SourceError(f"{one_line(path)}: more than {most:,} members; unpack it and give the folder")
            names.append(member.name + "/" * (member.kind == "folder"))
            kinds.append(_CODES[member.kind])
            methods.append(member.method)
            offsets.append(member.offset)
            stored.append(member.stored)
            sizes.append(member.size)
            stamps.append(member.stamp)
            if member.target:
                targets[row] = member.target
            if member.reason:
                reasons[row] = member.reason
        order = np.array(sorted(range(len(names)), key=names.__getitem__), np.int64)
        step()
        self.names: Final = StringColumn.of(names[row] for row in order.tolist())
        same = (names[one] == names[other] for one, other in pairwise([*order.tolist()]))
        self._replaced: Final = np.append(np.fromiter(same, np.bool_), np.zeros(1, np.bool_))
        self._kinds: Final = np.frombuffer(bytes(kinds), np.uint8)[order]
        self._methods: Final = np.asarray(methods, np.uint16)[order]
        columns = [np.asarray(column, np.int64)[order] for column in numbers]
        self._numbers: Final[list[NDArray[np.int64]]] = [*columns, order]
        self._targets: Final = targets
        self._reasons: Final = reasons
        self._resolve_hard_links()

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, row: int) -> Member:
        return next(self.members(row, row + 1))

    def members(self, first: int, end: int) -> Iterator[Member]:
        """The members of these rows, from the first on and before the last; faster than one by one."""
        targets, reasons = self._targets, self._reasons
        for block in blocks(end - first):
            rows = slice(first + block.start, first + block.stop)
            numbers = zip(*(column[rows].tolist() for column in self._numbers), strict=True)
            kinds, methods = self._kinds[rows].tolist(), self._methods[rows].tolist()
            for name, code, method, values in zip(self.names[rows], kinds, methods, numbers, strict=True):
                offset, stored, size, stamp, place = values
                kind = KINDS[code]
                short = name[:-1] if kind == "folder" else name
                about = targets.get(place, ""), reasons.get(place, "")
                yield Member(short, kind, offset, stored, size, stamp, method, *about)

    def row(self, name: str) -> int | None:
        """The row of the last member of this name but for folders, which counts as after unpacking; None for none."""
        row = bisect_right(self.names, name) - 1
        return row if row >= 0 and self.names[row] == name else None

    def replaced(self, row: int) -> bool:
        """Returns whether a later member has the same name, so that it would replace this one when unpacked."""
        return bool(self._replaced[row])

    def is_folder(self, name: str) -> bool:
        """Returns whether there is such a folder; '' is the whole archive."""
        first, end = self.under(name)
        return not name or first < end

    def under(self, folder: str) -> tuple[int, int]:
        """The rows of all that is in a folder: the first, and the one after the last; '' is the whole archive."""
        if not folder:
            return 0, len(self)
        return bisect_left(self.names, f"{folder}/"), bisect_left(self.names, f"{folder}0")  # 0 follows / in ASCII

    def kind(self, row: int) -> Kind:
        """The kind of the member in a row."""
        return KINDS[int(self._kinds[row])]

    def place(self, row: int) -> int:
        """The number of the member of a row in the order of the archive."""
        return int(self._numbers[4][row])

    def links(self, rows: tuple[int, int]) -> list[int]:
        """Those of these rows, from the first on and before the last, that are symbolic links."""
        return (rows[0] + np.flatnonzero(self._kinds[slice(*rows)] == KINDS.index("link"))).tolist()

    def lead(self, name: str, target: str) -> str | None:
        """The path, all links resolved, to which a link leads; None when it leads out of the archive or in a circle.

        Args:
            name: the path of the link.
            target: as it is written in the link.
        """
        return self._followed(name.split("/")[:-1], target)

    def resolved(self, path: str) -> str | None:
        """A path with all links in it resolved; None when one leads out of the archive or in a circle."""
        return self._followed([], path)

    def _followed(self, start: list[str], path: str) -> str | None:
        done, left, links = [*start], [path], 0
        while left:
            text = left.pop()
            if text.startswith(("/", "\\")) or _DRIVE.match(text) or len(text) > MAX_NAME:
                return None
            part, _, rest = text.partition("/")
            left += [rest.lstrip("/")] if rest else []
            if part in {"", "."}:
                continue
            if part == "..":
                if not done:
                    return None
                done.pop()
                continue
            done.append(part)
            target = self._target("/".join(done))
            if target:
                links += 1
                if links > _FOLLOWED:
                    return None
                done.pop()
                left.append(target)
        return "/".join(done)

    def _target(self, name: str) -> str:
        """The target of a symbolic link of this name; '' for anything else."""
        row = self.row(name) if self._targets else None
        return self[row].target if row is not None and self.kind(row) == "link" else ""

    def _resolve_hard_links(self) -> None:
        """Gives each hard link the content of the file that it is another name of."""
        for row in np.flatnonzero(self._kinds == KINDS.index("hard link")).tolist():
            found: int | None = row
            seen = 0
            while found is not None and self.kind(found) == "hard link" and seen < _FOLLOWED:
                target, reason = safe_name(self[found].target)
                found, seen = (None if reason else self.row(target)), seen + 1
            place = int(self._numbers[4][row])
            if found is None or self.kind(found) != "file" or int(self._numbers[4][found]) in self._reasons:
                self._reasons.setdefault(place, "hard link to no file of the archive")
                continue
            for column in self._numbers[:4]:
                column[row] = column[found]
            self._methods[row], self._kinds[row] = self._methods[found], KINDS.index("file")
