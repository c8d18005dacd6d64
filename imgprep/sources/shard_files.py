"""The files of a collection that comes in several, such as tar or Parquet shards: in a folder, or by a pattern."""

import os
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from imgprep.errors import RequestError, ResourceError, check_surroundings, one_line
from imgprep.sources.junk import junk
from imgprep.sources.links import Links
from imgprep.sources.split_names import split_in_name

MOST: Final = 1_000_000
"""Files that a pattern may name."""
_RANGE: Final = re.compile(r"\{(\d+)\.\.(\d+)\}|\{([^{}]*,[^{}]*)\}")
_NUMBER: Final = re.compile(r"[-_.]?\d+([-_.]of[-_.]\d+)?$")


class ShardFile(NamedTuple):
    """One file of a collection.

    Attributes:
        name: its path relative to the folder of the collection, with ``/``.
        path: on disk.
        split: the part of its name, or the folder, that names a split; '' when none does.
    """

    name: str
    path: Path
    split: str


def is_pattern(path: Path) -> bool:
    """Returns whether a path that is no file is a pattern of several, as ``train-{000..031}.tar`` or ``*.tar``."""
    return any(character in str(path) for character in "*?[{") and not os.path.lexists(path)


def root_of_shards(path: Path) -> Path:
    """The folder to which the names of the files are relative."""
    if is_pattern(path):
        return next(folder for folder in path.parents if not any(character in str(folder) for character in "*?[{"))
    return path if path.is_dir() else path.parent


def shard_files(path: Path, suffixes: Sequence[str], links: Links = "inside") -> list[ShardFile]:
    """Finds the files of a collection, in the order of their names.

    Args:
        path: a folder, one file, or a pattern.
        suffixes: of the files, in lower case; others are of no interest.
        links: whether links may lead out of the folder.

    Raises:
        RequestError: there are none, or a link leads out.
        ResourceError: a folder cannot be listed.
    """
    root = root_of_shards(path)
    real = os.path.realpath(root)
    found = [root / name for name in _names(path, root, suffixes)]
    if not found:
        kinds = " or ".join(f"*{suffix}" for suffix in suffixes)
        raise RequestError(f"{one_line(path)}: no files {kinds} there; check source.path")
    for file in found:
        if not file.is_file():
            raise RequestError(f"{one_line(file)}: no file that can be read; remove it")
        target = os.path.realpath(file)
        if links == "inside" and not target.startswith(real.rstrip(os.sep) + os.sep):
            raise RequestError(
                f"{one_line(file)}: a link that leads out of the folder; set source.follow_links: anywhere to follow it"
            )
    return [ShardFile(name := file.relative_to(root).as_posix(), file, _split(name)) for file in found]


def _names(path: Path, root: Path, suffixes: Sequence[str]) -> list[str]:
    if path.is_file():
        return [path.name]
    if is_pattern(path):
        return sorted(_matching(path, root))
    found: list[str] = []

    def failed(error: OSError) -> None:
        check_surroundings(error, path)
        raise ResourceError(f"{one_line(error.filename)}: cannot list the folder: {error.strerror}; give permission")

    for folder, folders, names_ in os.walk(path, onerror=failed):
        folders[:] = [name for name in folders if not junk(name, folder=True)]
        inner = os.path.relpath(folder, path).replace(os.sep, "/")
        prefix = "" if inner == "." else f"{inner}/"
        found += [prefix + name for name in names_ if name[0] != "." and name.lower().endswith(tuple(suffixes))]
    return sorted(found)


def _matching(path: Path, root: Path) -> set[str]:
    """The names of the files that a pattern means; those that it spells out must all be there."""
    patterns = list(islice(expand(path.relative_to(root).as_posix()), MOST + 1))
    if len(patterns) > MOST:
        raise RequestError(f"{one_line(path)}: more than {MOST:,} files; check source.path")
    names: set[str] = set()
    for pattern in patterns:
        spelled = not any(character in pattern for character in "*?[")
        if spelled and not (root / pattern).is_file():
            raise RequestError(f"{one_line(root / pattern)}: no such file, though source.path names it")
        names |= {pattern} if spelled else {file.relative_to(root).as_posix() for file in root.glob(pattern)}
    return names


def expand(pattern: str) -> Iterator[str]:
    """Expands the braces of a shell: ``a-{00..11}.tar`` and ``{a,b}.tar``.

    >>> list(expand("{a,b}-{08..10}.tar"))
    ['a-08.tar', 'a-09.tar', 'a-10.tar', 'b-08.tar', 'b-09.tar', 'b-10.tar']
    """
    found = _RANGE.search(pattern)
    if found is None:
        yield pattern
        return
    if found[3] is not None:
        inner: Iterator[str] = iter(found[3].split(","))
    else:
        inner = (f"{number:0{len(found[1])}d}" for number in range(int(found[1]), int(found[2]) + 1))
    for part in inner:
        yield from expand(pattern[: found.start()] + part + pattern[found.end() :])


def _split(name: str) -> str:
    """The text in the path of a file that names a split.

    >>> _split("data/train-00000-of-00002.parquet"), _split("val/000.tar"), _split("000.tar")
    ('train', 'val', '')
    """
    *folders, last = name.split("/")
    stem = _NUMBER.sub("", last.partition(".")[0])
    return next((text for text in (stem, *folders[::-1]) if split_in_name(text)), "")
