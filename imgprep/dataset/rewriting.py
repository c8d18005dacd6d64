"""Writes a file of a stage unless it has the same content already."""

from collections.abc import Iterable
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Final

from imgprep.dataset.manifest import commit, read_regular

COMPARED: Final = 64 << 20


def commit_changed(path: Path, content: Iterable[bytes]) -> None:
    """Like `commit`, but leaves a file of the same content alone, so that nothing seems to have changed.

    Args:
        path: the final name; its folder exists.
        content: pieces of it; more than 64 MiB are always written.

    Raises:
        ResourceError: see `commit`.
    """
    pieces, size = iter(content), 0
    begun: list[bytes] = []
    for piece in pieces:
        begun.append(piece)
        size += len(piece)
        if size > COMPARED:
            break
    else:
        with suppress(OSError):
            if path.stat().st_size == size and read_regular(path, size) == b"".join(begun):
                return
    commit(path, chain(begun, pieces))
