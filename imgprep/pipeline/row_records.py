"""Records the rows of a shard, so that a later run can copy them instead of making them again."""

import hashlib
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

KEY: Final = 16
"""Bytes of a hash that identifies a row."""
UNKNOWN: Final = bytes(KEY)
"""The hash of a row that cannot be identified."""


@dataclass(frozen=True, slots=True, eq=False)
class RowKeys:
    """Identifies the rows of a plan before they are made.

    Attributes:
        keys: (N, 16) uint8, a hash of all that decides the pixels of each item; `UNKNOWN` where that takes reading it.
        earlier: (N,) int64, the number of the earlier row with the same key; -1 where there is none.
    """

    keys: NDArray[np.uint8]
    earlier: NDArray[np.int64]

    @classmethod
    def of(cls, keys: bytes | bytearray) -> Self:
        """Keys of which no earlier row is known, from their bytes."""
        found = np.frombuffer(keys, np.uint8).reshape(-1, KEY)
        return cls(found, np.full(len(found), -1, np.int64))

    def runs(self, without: Collection[int] = ()) -> list[int]:
        """For each item how many from it on, and with it, have earlier rows that follow one another; 0 where none is.

        Args:
            without: items of which no earlier row is wanted.
        """
        earlier = self.earlier.copy()
        earlier[list(without)] = -1
        breaks = np.flatnonzero((np.diff(earlier) != 1) | (earlier[1:] < 0)) + 1
        ends = np.append(breaks, len(earlier))
        items = np.arange(len(earlier))
        lengths: list[int] = np.where(earlier < 0, 0, ends[np.searchsorted(breaks, items, "right")] - items).tolist()
        return lengths


@dataclass(frozen=True, slots=True, eq=False)
class RowRecords:
    """The records of the rows of one shard.

    Attributes:
        settings: a hash of the settings that decide the pixels, whatever the image.
        image: shape and type of a row.
        keys: (N, 16) uint8; see `RowKeys`.
        contents: (N, 16) uint8, a hash of what each row was read from; `UNKNOWN` where nothing was.
        checksums: (N,) uint32, as in the shard.
        sha256: (N, 32) uint8, of what each row was read from; (N, 0) where it was made of other rows.
        details: (N,) what else the stage needs to tell of a copied row: JSON objects, equal ones for most rows.
    """

    settings: str
    image: str
    keys: NDArray[np.uint8]
    contents: NDArray[np.uint8]
    checksums: NDArray[np.uint32]
    sha256: NDArray[np.uint8]
    details: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.checksums)

    def to_bytes(self) -> bytes:
        """The content of its file."""
        file = io.BytesIO()
        np.savez(
            file,
            about=np.array([self.settings, self.image]),
            keys=self.keys,
            contents=self.contents,
            checksums=self.checksums,
            sha256=self.sha256,
            lengths=np.fromiter(map(len, self.details), np.uint32, len(self.details)),
            details=np.frombuffer(b"".join(self.details), np.uint8),
        )
        return file.getvalue()


def read_row_records(path: Path, sha256: str) -> RowRecords | None:
    """Reads what is recorded of a shard's rows; None where it is not there, or not as it was written."""
    try:
        with path.open("rb") as content:
            if hashlib.file_digest(content, "sha256").hexdigest() != sha256:
                return None
            content.seek(0)
            with np.load(content, allow_pickle=False) as file:
                settings, image = file["about"].tolist()
                columns = file["keys"], file["contents"], file["checksums"], file["sha256"]
                edges = np.concatenate([[0], np.cumsum(file["lengths"], dtype=np.int64)])
                details = _Details(file["details"].tobytes(), edges)
    except (OSError, ValueError, LookupError, BadZipFile, EOFError):
        return None
    return RowRecords(settings, image, *columns, details)


def image_text(shape: Sequence[int], dtype: str) -> str:
    """Shape and type of a row as text.

    >>> image_text((8, 8, 3), "uint8")
    '8x8x3 uint8'
    """
    return f"{'x'.join(map(str, shape))} {dtype}"


def hashes(texts: Sequence[bytes], size: int = KEY) -> NDArray[np.uint8]:
    """(N, size) from N hashes."""
    return np.frombuffer(b"".join(texts), np.uint8).reshape(-1, size)


def hash_of(*parts: bytes | bytearray) -> bytes:
    """A hash of parts, each of which is told apart from the next."""
    state = hashlib.blake2b(digest_size=KEY)
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.digest()


@dataclass(frozen=True, slots=True, eq=False)
class _Details(Sequence[bytes]):
    """Texts in one buffer, with the places of its edges: 0, and where each ends."""

    data: bytes = field(repr=False)
    edges: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.edges) - 1

    def __getitem__(self, rows: Any) -> Any:
        if isinstance(rows, slice):
            first, last, _ = rows.indices(len(self))
            edges = self.edges[first : max(first, last) + 1].tolist()
            return [self.data[start:end] for start, end in pairwise(edges)]
        return self.data[int(self.edges[rows]) : int(self.edges[rows + 1])]
