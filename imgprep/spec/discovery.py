"""Finds the spec of a folder where none is named: for hooks and jobs that are the same in every repository."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from imgprep.errors import RequestError, one_line
from imgprep.settings.problems import SpecError
from imgprep.spec.reading import read

_SUFFIXES: Final = {".yaml", ".yml", ".json"}
_LARGEST: Final = 1 << 20
"""A larger file is an annotation, not a spec; in bytes."""
_INDEX: Final = "dataset.json"
_SHOWN: Final = 5
_KEYS: Final = re.compile(r"\bsource[\"']?\s*:")


def find_spec(folder: Path) -> Path:
    """The one spec in a folder or the folders right below it, leaving out hidden ones and links to folders.

    Args:
        folder: the working directory.

    Returns:
        Its path, relative to the folder.

    Raises:
        RequestError: there is none, or there are several, which are named.
    """
    found = [path.relative_to(folder) for path in _files(folder) if is_spec(path)]
    if len(found) == 1:
        return found[0]
    if not found:
        advice = "name one, or make one with imgprep init FOLDER"
        raise RequestError(f"{one_line(folder)}: no spec is here or one folder below; {advice}")
    names = ", ".join(one_line(path.as_posix()) for path in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    raise RequestError(f"there are several specs: {names}{more}; name the one that is meant")


def is_spec(path: Path) -> bool:
    """Tells whether a file is meant as a spec: it has a source with a layout, or would but for an error of syntax."""
    try:
        if path.stat().st_size > _LARGEST:
            return False
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return False
    if not _KEYS.search(text) or "layout" not in text:
        return False
    try:
        content = read(raw).data
    except SpecError:
        return True  # whoever reads it as a spec says where the error is
    source = content.get("source") if isinstance(content, dict) else None
    return isinstance(source, dict) and "layout" in source


def _files(folder: Path) -> Iterator[Path]:
    entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    folders = (each for each in entries if each.is_dir(follow_symlinks=False) and not each.name.startswith("."))
    for each in (folder, *map(Path, folders)):
        try:
            names = sorted(os.listdir(each))  # noqa: PTH208 - names are enough, there may be a million
        except OSError:
            continue  # a folder that this user may not enter
        for name in names:
            if Path(name).suffix.lower() in _SUFFIXES and name != _INDEX and not name.startswith("."):
                yield each / name
