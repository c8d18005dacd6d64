"""Starts the process that workers come from before the command line is even parsed.

That process imports numpy, OpenCV and the modules of a stage, and this one typer, pydantic and the spec: each takes
some tenths of a second, and they are done at the same time. Whether there will be workers is a guess; where it is wrong
the process is killed when the command ends, and where none was started the engine starts it when it is needed.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Final

from imgprep.cli.repeated import output_of, spec_of
from imgprep.engines.launch import Launchers

_CONVERT: Final = "imgprep.stages.convert.job"
_MEASURE: Final = "imgprep.checks.measure_images"
_AUGMENT: Final = "imgprep.stages.augment.job"
_PACK: Final = ("imgprep.stages.pack.job", "imgprep.stages.pack.statistics")
_WORKERS_OF: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "audit": {"audit/report.json": (_MEASURE,)},
    "convert": {"convert/dataset.json": (_CONVERT,)},
    "run": {"convert/dataset.json": (_MEASURE, _CONVERT)},
    "split": {"convert/dataset.json": (_CONVERT,)},
    "features": {"convert/dataset.json": (_CONVERT,)},
    "augment": {"convert/dataset.json": (_CONVERT,), "augment/dataset.json": (_AUGMENT,)},
    "pack": {"convert/dataset.json": (_CONVERT,), "pack/dataset.json": _PACK},
}
"""Command -> the last file of each stage that it makes in workers, in order -> the modules that these need first."""
_WITHOUT: Final = frozenset({"--dry-run", "--help", "-h"})
"""Options with which nothing is made."""
_ENGINE: Final = re.compile(r"\bengine\b")
"""Where it is named it may be another than that of processes."""
_PATH: Final = re.compile(r"""\bpath["']?[ \t]*:[ \t]*(["']?)([^"'#,}\n]+)\1""")
"""Where the source is, as far as that can be told without reading YAML."""
_MOST: Final = 1000
"""Entries of folders that are looked at."""
_LARGEST: Final = 1 << 20
"""Characters of a spec that are looked at."""


@contextmanager
def early_workers(arguments: Sequence[str]) -> Iterator[Launchers | None]:
    """In the block the process starts up, if a command is likely to need it; it ends with the block at the latest.

    Args:
        arguments: of the command line, without the name of the program.
    """
    modules = _modules(arguments)
    if not modules:
        yield None
        return
    launchers = Launchers()
    try:
        launchers.prepare(modules)
        yield launchers
    finally:
        launchers.close()


def _modules(arguments: Sequence[str]) -> tuple[str, ...]:
    """What the workers of a command need first; nothing where it needs none, as far as that can be told so early."""
    stages = _WORKERS_OF.get(arguments[0]) if arguments else None
    if stages is None or any(argument in _WITHOUT or _ENGINE.search(argument) for argument in arguments):
        return ()
    with suppress(OSError, ValueError):
        spec, output = spec_of(arguments), output_of(arguments)
        if spec is None or output is None:
            return ()
        with spec.open(encoding="utf-8") as file:
            text = file.read(_LARGEST)
        if _ENGINE.search(text) is not None:
            return ()
        missing = next((modules for index, modules in stages.items() if not Path(output, index).exists()), ())
        return missing or _first_again(spec, text, output, stages)
    return ()


def _first_again(spec: Path, text: str, output: Path, stages: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """What the workers of the first stage need, if it was made before the spec or a folder of the source changed."""
    index, modules = next(iter(stages.items()))
    made = Path(output, index).stat().st_mtime_ns
    sources = [spec.parent / found[2].strip() for found in _PATH.finditer(text)]
    return modules if any(_is_newer(path, made) for path in (spec, *sources)) else ()


def _is_newer(path: Path, made: int) -> bool:
    """True if a file, a folder or one of the first folders in it changed after a time.

    A folder does when files come, go or get other names. Files that were written over are not noticed: that would take
    as long as to list them all.
    """
    folders, left = [path], _MOST
    while folders and left > 0:
        path = folders.pop(0)
        if path.stat().st_mtime_ns > made:
            return True
        if path.is_dir():
            with os.scandir(path) as entries:
                for entry in islice(entries, left):
                    left -= 1
                    if entry.is_dir():
                        folders.append(Path(entry.path))
    return any(path.stat().st_mtime_ns > made for path in folders)
