"""Records which files a stage was made from, beside its key, to tell later which came, went or changed."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.manifest import committing
from imgprep.table.columns import CategoryColumn, StringColumn, blocks
from imgprep.table.sample import SampleTable
from imgprep.table.text_hashes import text_hashes

FIRST: Final = 3
"""Files of each kind that are named."""
_KEY: Final = b"listing"


@dataclass(frozen=True, slots=True)
class Files:
    """Some files: how many, and the first of them.

    Attributes:
        count: of all.
        first: ids of the first ones, in source order.
    """

    count: int = 0
    first: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileChanges:
    """The difference between a listing and an earlier one.

    Attributes:
        came: files that only the later one has.
        went: files that only the earlier one has.
        changed: files of another size or modification time.
        described: files with another label, group, split, status or attribute, and the same size and time.
    """

    came: Files = Files()
    went: Files = Files()
    changed: Files = Files()
    described: Files = Files()

    def any(self) -> bool:
        """Tells whether there is a file to name."""
        return any(each.count for each in (self.came, self.went, self.changed, self.described))


@dataclass(frozen=True, slots=True)
class Listing:
    """The entries of a source, as far as a later run compares them.

    Attributes:
        id: (N,) their ids.
        stamp: (N, 2) int64, size in bytes and modification time in ns.
        described: (N,) uint64, a hash of all else that the source says of them.
    """

    id: StringColumn
    stamp: NDArray[np.int64]
    described: NDArray[np.uint64]

    @classmethod
    def of(cls, table: SampleTable) -> "Listing":
        """The listing of a table."""
        named: dict[str, CategoryColumn] = {
            "label": table.label,
            "group": table.group,
            "split": table.split,
            "status": table.status,
            "reason": table.reason,
            **{f"attribute {name}": column for name, column in table.attributes.items()},
        }
        if table.original_label is not None:
            named["original label"] = table.original_label
        described = np.zeros(len(table), np.uint64)
        for name, column in named.items():
            hashes = np.array([_hash(f"{name}\0{value}") if value else 0 for value in column.values], np.uint64)
            for block in blocks(len(table) if len(hashes) else 0):
                described[block] += hashes[column.codes[block]]
        return cls(table.id, table.stamp, described)

    def write(self, path: Path, key: str) -> None:
        """Writes the listing of a stage that was made with this key.

        Raises:
            ResourceError: it cannot be written.
        """
        data = np.frombuffer(self.id.joint(), np.uint8)
        lengths = np.fromiter(map(len, self.id.encoded()), np.uint32, len(self.id))
        columns: dict[str, Any] = {"data": data, "lengths": lengths, "stamp": self.stamp, "described": self.described}
        with committing(path, durable=False) as file:
            np.savez(file, key=np.array(key), **columns)


def read_listing(path: Path, key: str) -> Listing | None:
    """The listing of a stage that was made with this key; None where there is none, or it cannot be read."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            if str(content["key"]) != key:
                return None
            lengths = content["lengths"]
            offsets = np.zeros(len(lengths) + 1, np.int64)
            np.cumsum(lengths, out=offsets[1:])
            ids = StringColumn(content["data"].tobytes(), offsets)
            return Listing(ids, content["stamp"], content["described"])
    except (OSError, ValueError, LookupError, BadZipFile, EOFError):
        return None


def compare(before: Listing, now: Listing) -> FileChanges:
    """Compares the files, by 64-bit hashes of their ids, since there may be millions."""
    old, new = text_hashes(before.id, _KEY), text_hashes(now.id, _KEY)
    order = np.argsort(old, kind="stable")
    ranked = old[order]
    place = np.minimum(np.searchsorted(ranked, new), max(0, len(ranked) - 1))
    known = ranked[place] == new if len(ranked) else np.zeros(len(new), bool)
    theirs = order[place[known]] if len(ranked) else np.array([], np.int64)
    ours = np.flatnonzero(known)
    stamped = (before.stamp[theirs] != now.stamp[ours]).any(axis=1)
    described = (before.described[theirs] != now.described[ours]) & ~stamped
    return FileChanges(
        came=_files(now.id, np.flatnonzero(~known)),
        went=_files(before.id, np.flatnonzero(~np.isin(old, new))),
        changed=_files(now.id, ours[stamped]),
        described=_files(now.id, ours[described]),
    )


def _files(ids: StringColumn, rows: NDArray[np.integer]) -> Files:
    return Files(len(rows), tuple(ids[row] for row in rows[:FIRST].tolist()))


def _hash(text: str) -> int:
    content = text.encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")
