"""Starts the process that workers come from before the command line is even parsed.

That process imports numpy, OpenCV and the modules of a stage, and this one typer, pydantic and the spec: each takes
some tenths of a second, and they are done at the same time. Whether there will be workers is a guess; where it is wrong
the process is killed when the command ends, and where none was started the engine starts it when it is needed.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from imgprep.cli.repeated import PRIVATE, output_of, spec_of
from imgprep.engines.launch import Launchers

_CONVERT: Final = "imgprep.stages.convert.job"
_MEASURE: Final = "imgprep.checks.measure_images"
_WORKERS_OF: Final = {
    "audit": (_MEASURE,),
    "convert": (_CONVERT,),
    "run": (_MEASURE, _CONVERT),
    **dict.fromkeys(("split", "augment", "pack", "features"), (_CONVERT,)),
}
"""The modules that the workers of a command need first, while nothing is made yet."""
_WITHOUT: Final = frozenset({"--dry-run", "--help", "-h"})
"""Options with which nothing is made."""
_ENGINE: Final = re.compile(r"\bengine\b")
"""Where it is named it may be another than that of processes."""
_LARGEST: Final = 1 << 20
"""Characters of a spec that are looked at."""


@contextmanager
def early_workers(arguments: Sequence[str]) -> Iterator[Launchers | None]:
    """In the block the process starts up, if a command is likely to need it; it ends with the block at the latest.

    Args:
        arguments: of the command line, without the name of the program.
    """
    modules = _WORKERS_OF.get(arguments[0]) if arguments else None
    if modules is None or not _makes_all(arguments):
        yield None
        return
    launchers = Launchers()
    try:
        launchers.prepare(modules)
        yield launchers
    finally:
        launchers.close()


def _makes_all(arguments: Sequence[str]) -> bool:
    """Whether a command makes everything in worker processes, as far as that can be told so early."""
    if any(argument in _WITHOUT or _ENGINE.search(argument) for argument in arguments):
        return False
    with suppress(OSError, ValueError):
        spec, output = spec_of(arguments), output_of(arguments)
        if spec is None or output is None:
            return False
        with spec.open(encoding="utf-8") as file:
            another = _ENGINE.search(file.read(_LARGEST)) is not None
        return not another and not Path(output, PRIVATE).exists()
    return False
