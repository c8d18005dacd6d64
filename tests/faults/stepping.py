"""Runs imgprep and kills it, or lets it fail, at one step of its work with files.

``python stepping.py SPEC OUTPUT COMMAND MODE [STEP ...]`` tries the given steps, or all, and prints what went wrong as
JSON. COMMAND is ``run``, on nothing, ``repair``, on a finished output in which every other shard is damaged, or
``grow``, which is ``run`` on a finished output whose source got another image meanwhile.
Every step is one change of the file system below OUTPUT: making, opening, renaming, removing, syncing a folder.

With the folder of this file as PYTHONPATH and a copy named ``sitecustomize.py``, the same happens in every process of a
real run; the environment says where: STEPPING = ``OUTPUT:COUNTER:STEP:MODE``.
"""

import contextlib
import errno
import gc
import hashlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path

COORDINATOR = "STEPPING_COORDINATOR"
EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}


class Steps:
    """Counts steps, in all processes that share the counter, and strikes at one.

    Args:
        output: only what happens below it counts.
        counter: a file that grows by a byte with each step.
        strike: the step to strike at; 0 strikes never.
        mode: ``kill`` ends all processes, ``torn`` too but cuts a file that is about to get its final name,
            ``worker`` ends this process alone, ``raise`` lets the step fail as on a full disk.
    """

    def __init__(self, output: str, counter: str, strike: int, mode: str) -> None:
        self.output = output
        self.strike = strike
        self.mode = mode
        self.counter = os.open(counter, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.set_inheritable(self.counter, False)
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple) -> None:
        if event not in EVENTS or not isinstance(arguments[0], str | os.PathLike):
            return
        path = os.fspath(arguments[0])
        if not isinstance(path, str) or not path.startswith(self.output):
            return
        if event == "open" and not self._writes(path, *arguments[1:]):
            return
        os.write(self.counter, b".")
        if os.lseek(self.counter, 0, os.SEEK_CUR) != self.strike:
            return
        if self.mode == "raise":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        if self.mode == "torn" and event == "os.rename":
            os.truncate(path, Path(path).stat().st_size // 2)
        if self.mode != "worker" and COORDINATOR in os.environ:
            os.kill(int(os.environ[COORDINATOR]), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    @staticmethod
    def _writes(path: str, mode: str | None, flags: int) -> bool:
        return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) or (mode is None and Path(path).is_dir())


def hashes(output: Path) -> dict[str, str]:
    """SHA-256 of every file that users see."""
    return {
        str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in output.rglob("*")
        if path.is_file() and ".imgprep" not in path.parts
    }


def run(command: str, spec: str, output: Path, strike: int, mode: str) -> tuple[int, int]:
    """Runs in a forked process; gives its exit code, negative for a signal, and how many steps it took."""
    counter = output.with_name(f"{output.name}.counter")
    counter.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        log = os.open(output.with_name(f"{output.name}.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        from imgprep.cli.exit_status import run as imgprep

        Steps(str(output), str(counter), strike, mode)
        os._exit(imgprep(["run" if command == "grow" else command, spec, "--output", str(output), "-q"]))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, counter.stat().st_size


def prepare(command: str, output: Path, finished: Path) -> None:
    """Makes the output as the command finds it."""
    shutil.rmtree(output, ignore_errors=True)
    if command in {"repair", "grow"}:
        shutil.copytree(finished, output)
    if command == "repair":
        for path in sorted(output.rglob("*-of-*.h5"))[::2]:
            content = path.read_bytes()
            path.write_bytes(content[:-9] + b"ninebytes")


def grow(spec: Path, output: Path) -> None:
    """Adds an image before all others, and removes the output."""
    first = min(path for path in spec.parent.rglob("*.png") if output not in path.parents)
    shutil.copy(first, first.with_name("+.png"))
    shutil.rmtree(output)


def try_step(
    command: str, spec: str, output: Path, finished: Path, step: int, mode: str, reference: dict[str, str]
) -> list[str]:
    """What goes wrong when the command is struck at a step, and run again."""
    wrong = []
    prepare(command, output, finished)
    before = hashes(output)
    code, _ = run(command, spec, output, step, mode)
    if code not in ({0, 5} if mode == "raise" else {-signal.SIGKILL}):
        wrong.append(f"exit code {code}")
    for name, digest in hashes(output).items():
        if "/.tmp-" not in name and digest not in {reference.get(name), before.get(name)}:
            wrong.append(f"{name} is not as it must be")
        if mode == "raise" and "/.tmp-" in name:
            wrong.append(f"{name} was left")
    code, _ = run(command, spec, output, 0, mode)
    if code:
        wrong.append(f"the second time it ended with {code}")
    if hashes(output) != reference:
        wrong.append("the second time gave other files")
    if any(path.name.startswith(".tmp-") for path in output.rglob("*")):
        wrong.append("temporary files were left")
    return [f"{command}, {mode} at step {step}: {text}" for text in wrong]


def warm_up(spec: str, output: Path) -> None:
    """Does in this process what is done once in each, so that the forked ones, two for every step, need not."""
    import cv2

    from imgprep.cli.exit_status import run as imgprep

    cv2.setNumThreads(1)  # threads do not survive a fork
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        for command in ("run", "repair"):
            assert imgprep([command, spec, "--output", str(output), "-q"]) == 0
    gc.collect()
    gc.freeze()


def main(spec: str, folder: str, command: str, mode: str, *steps: str) -> None:
    """Tries steps, by default all."""
    os.fsync = lambda descriptor: None  # a killed process loses nothing that it wrote; the disk's part is not tested
    warm_up(spec, Path(f"{folder}.warm"))
    output, finished = Path(folder), Path(f"{folder}.finished")
    codes = [run("run", spec, output, 0, mode)[0]]
    reference = hashes(output)
    shutil.copytree(output, finished)
    if command == "grow":
        grow(Path(spec), output)
        codes.append(run("run", spec, output, 0, mode)[0])
        reference = hashes(output)
    prepare(command, output, finished)
    code, total = run(command, spec, output, 0, mode)
    wrong = [f"undisturbed, it ended with {codes}"] if any((*codes, code)) or total < 10 else []
    if hashes(output) != reference:
        wrong.append("undisturbed, it gave other files")
    chosen = [int(step) for step in steps if int(step) <= total] or range(1, total + 1)
    for step in chosen:
        wrong += try_step(command, spec, output, finished, step, mode, reference)
    sys.stdout.write(json.dumps({"steps": total, "tried": len(chosen), "wrong": wrong}))


if __name__ == "__main__":
    main(*sys.argv[1:])
elif __name__ == "sitecustomize" and "STEPPING" in os.environ:
    os.environ.setdefault(COORDINATOR, str(os.getpid()))
    _output, _counter, _step, _mode = os.environ["STEPPING"].split(":")
    Steps(_output, _counter, int(_step), _mode)
