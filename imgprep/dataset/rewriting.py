"""Writes a file of a stage unless it has the same content already."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

from imgprep.dataset.manifest import check_regular, commit

_BLOCK: Final = 1 << 20


def commit_changed(path: Path, content: Iterable[bytes]) -> None:
    """Like `commit`, but leaves a file of the same content alone, so that nothing seems to have changed.

    Args:
        path: the final name; its folder exists.
        content: pieces of it; one at a time is kept in memory.

    Raises:
        ResourceError: see `commit`.
    """
    pieces = iter(content)
    try:
        check_regular(path)
        old = path.open("rb")
    except OSError:
        commit(path, pieces)
        return
    with old:
        same = 0
        for piece in pieces:
            if old.read(len(piece)) != piece:
                break
            same += len(piece)
        else:
            if not old.read(1):
                return
            piece = b""
        commit(path, chain(_beginning(old, same), [piece], pieces))


def _beginning(file: BinaryIO, size: int) -> Iterator[bytes]:
    """The first bytes of a file, in blocks."""
    file.seek(0)
    while block := file.read(min(size, _BLOCK)):
        size -= len(block)
        yield block
