"""Commands that would only say again what they said: found before the command line is even parsed.

A command that changed nothing leaves a record in its output (`cli.recording`): what it said, and the state of all that
it depends on. While none of that changes - arguments, surroundings, code, the files that it reads, the output - the
same command would say the same, so it is said at once. To import numpy, typer and pydantic alone takes several times as
long as to compare all of that.
"""

import json
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from imgprep.cli.streams import OUTPUT
from imgprep.cli.width import width_of
from imgprep.util import locking
from imgprep.util.stamps import Stamp, stamp_of

RECORDS: Final = "repeated.json"
PRIVATE: Final = ".imgprep"
LOCK: Final = "lock"
UNCOUNTED: Final = frozenset({LOCK, RECORDS})
"""Files of an output that change though it does not."""
_VARIABLES: Final = re.compile(
    r"IMGPREP|OPENCV|PYTHON(?!UNBUFFERED|DONTWRITE)|XDG_|HOME$|COLUMNS$|LC_|LANG|TZ$|"
    r"(NO_|FORCE_|CLI)COLOR|COLORTERM$|TERM$|TTY_|CI$|GITHUB_ACTIONS$"
)
_SPEC: Final = frozenset({".yaml", ".yml", ".json"})
_OUTPUT: Final = re.compile(r"""^["']?output["']?[ \t]*:[ \t]*(["']?)([^"'#\n]+?)\1[ \t]*(?:#.*)?$""", re.MULTILINE)
_LARGEST: Final = 1 << 20
_PACKAGE: Final = Path(__file__).parents[1]
_CLONE: Final = str(_PACKAGE.parent) if (_PACKAGE.parent / "pyproject.toml").is_file() else None
"""The folder that an editable installation leads to. Nothing is installed into it, and it changes all the time."""


def repeated(arguments: Sequence[str]) -> int | None:
    """Says what a command said, if nothing that it depends on has changed since.

    Args:
        arguments: of the command line, without the name of the program.

    Returns:
        Its exit code; None if it has to be run, nothing being said.

    Raises:
        PipeClosed: the reader is gone.
        ResourceError: the result cannot be written.
    """
    record = None
    with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
        record = _record(arguments)
    if record is None:
        return None
    for stream, text in record["said"]:
        if stream == OUTPUT:
            sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
            sys.stdout.buffer.flush()
        else:
            with suppress(OSError):
                sys.stderr.write(text)
                sys.stderr.flush()
    return int(record["code"])


def _record(arguments: Sequence[str]) -> Mapping[str, Any] | None:
    """The record of a command in its output; None without one that still holds."""
    output = output_of(arguments)
    if output is None:
        return None
    records = json.loads((output / PRIVATE / RECORDS).read_bytes())
    record: Mapping[str, Any] = records[key_of(arguments)]
    texts = all(isinstance(stream, int) and isinstance(text, str) for stream, text in record["said"])
    with (output / PRIVATE / LOCK).open("r+", encoding="utf-8") as file:
        if record["lock"]:
            locking.lock(file)
        holds = record["state"] == state_of(output, record["reads"]).digest
    return record if holds and texts and isinstance(record["code"], int) else None


def spec_of(arguments: Sequence[str]) -> Path | None:
    """The spec that a command names; None where it names none."""
    return next((path for path in map(Path, arguments[1:]) if path.suffix in _SPEC and path.is_file()), None)


def output_of(arguments: Sequence[str]) -> Path | None:
    """The output that a command on a spec has in all likelihood; None where it takes more to know it.

    It need not be right: a record names all that it depends on.
    """
    spec = spec_of(arguments)
    if spec is None:
        return None
    words = [*arguments, ""]
    named = {name: [value for each, value in _options(words) if each == name] for name in ("--output", "--set")}
    if named["--output"]:
        return Path(named["--output"][-1])
    settings = [value for value in named["--set"] if value.startswith("output=")]
    if settings:
        return spec.parent / settings[-1].removeprefix("output=")
    with spec.open(encoding="utf-8") as file:
        found = _OUTPUT.search(file.read(_LARGEST))
    return None if found is None else spec.parent / found[2]


def _options(words: Sequence[str]) -> list[tuple[str, str]]:
    """Every word with the value that it has if it is an option with one."""
    pairs = (word.split("=", 1) if "=" in word else (word, words[at + 1]) for at, word in enumerate(words[:-1]))
    return [(name, value) for name, value in pairs]


def key_of(arguments: Sequence[str]) -> str:
    """A hash of what the arguments mean here, and of the surroundings that a command depends on.

    The day is among them, because waivers end.
    """
    here = str(Path.cwd())
    streams = [[width_of(stream), stream.isatty()] for stream in (sys.stdout, sys.stderr)]
    variables = sorted((name, value) for name, value in os.environ.items() if _VARIABLES.match(name))
    packages = [(path, _changed(path)) for path in sys.path[1:] if path not in {here, _CLONE}]
    parts = (
        *(list(arguments), here, streams, variables, time.localtime()[:3]),
        *(sys.version, sys.executable, sys.path, packages, _machine()),
    )
    return blake2b(json.dumps(parts).encode("utf-8", "backslashreplace"), digest_size=16).hexdigest()


def state_of(output: Path, reads: Sequence[str], *, newest: bool = False) -> Stamp:
    """The state of an output, of what is read for it, and of the code of imgprep.

    Args:
        output: the folder.
        reads: files and folders.
        newest: whether the latest time of the output and of what is read is wanted.

    Raises:
        OSError: it cannot be told.
    """
    code = stamp_of([str(_PACKAGE)], {"__pycache__"})
    made, read = stamp_of([str(output)], UNCOUNTED, newest=newest), stamp_of(reads, newest=newest)
    return Stamp(f"{made.digest} {read.digest} {code.digest}", max(made.newest, read.newest))


def _changed(path: str) -> int:
    """When something was last installed into a folder, or removed."""
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0


def _machine() -> list[str]:
    """The machine and what its processor can do, on which the rounding of pixels depends."""
    known = list(os.uname()) if hasattr(os, "uname") else []
    with suppress(OSError), Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as file:
        known += [next((line for line in file if line.startswith(("flags", "Features"))), "")]
    return known
