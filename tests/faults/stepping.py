"""Runs imgprep and kills it, or lets it fail, at one step of its work with files.

``python stepping.py SPEC OUTPUT COMMAND MODE [STEP ...]`` tries the given steps, or all, and prints what went wrong as
JSON. COMMAND is ``run``, on nothing, ``repair``, on a finished output in which every other shard is damaged, or
``grow``, which is ``run`` on a finished output whose source got another image meanwhile.
Every step is one change of the file system below OUTPUT: making, opening, renaming, removing, syncing a folder.
Where the mode is ``kill``, one run leaves a copy of OUTPUT before each step: what is there when it is killed then. Some
steps are really killed at, and must leave the same; the next run begins with each different copy.

With the folder of this file as PYTHONPATH and a copy named ``sitecustomize.py``, the same happens in every process of a
real run; the environment says where: STEPPING = ``OUTPUT:COUNTER:STEP:MODE``.
"""

import contextlib
import errno
import gc
import hashlib
import json
import os
import re
import shutil
import signal
import sys
from pathlib import Path

COORDINATOR = "STEPPING_COORDINATOR"
EVERY = 12
"""Of the steps to kill at, every so many is really killed at."""
EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}


class Steps:
    """Counts steps, in all processes that share the counter, and strikes at one.

    Args:
        output: only what happens below it counts.
        counter: a file that grows by a byte with each step.
        strike: the step to strike at; 0 strikes never.
        mode: ``kill`` ends all processes, ``torn`` too but cuts a file that is about to get its final name,
            ``worker`` ends this process alone, ``raise`` lets the step fail as on a full disk; ``copy`` copies the
            output before each step, into a folder with its number beside the counter.
    """

    def __init__(self, output: str, counter: str, strike: int, mode: str) -> None:
        self.output = output
        self.strike = strike
        self.mode = mode
        self.copies = Path(counter).with_suffix(".states")
        self.copying = False
        self.counter = os.open(counter, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.set_inheritable(self.counter, False)
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple) -> None:
        if event not in EVENTS or not isinstance(arguments[0], str | os.PathLike):
            return
        path = os.fspath(arguments[0])
        if self.copying or not isinstance(path, str) or not f"{path}/".startswith(f"{self.output}/"):
            return
        if event == "open" and not self._writes(path, *arguments[1:]):
            return
        os.write(self.counter, b".")
        step = os.lseek(self.counter, 0, os.SEEK_CUR)
        if self.mode == "copy":
            self._copy(step)
        if step != self.strike:
            return
        if self.mode == "raise":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        if self.mode == "torn" and event == "os.rename":
            os.truncate(path, Path(path).stat().st_size // 2)
        if self.mode != "worker" and COORDINATOR in os.environ:
            os.kill(int(os.environ[COORDINATOR]), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    def _copy(self, step: int) -> None:
        self.copying = True
        state = self.copies / str(step)
        state.mkdir(parents=True)
        with contextlib.suppress(FileNotFoundError):  # the first steps make it
            shutil.copytree(self.output, state, dirs_exist_ok=True)
        self.copying = False

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


def listing(output: Path) -> set[tuple[str, str]]:
    """Every file and folder, without what is drawn by lot in their names, and what is in those that users see."""
    seen = hashes(output)
    names = {str(path.relative_to(output)) for path in output.rglob("*")}
    return {(re.sub(r"[0-9a-f]{32}|(?<=\.tmp-).*", "*", name), seen.get(name, "")) for name in names}


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


def finished(output: Path) -> Path:
    """Where what was finished before is kept."""
    return output.with_name(f"{output.name}.finished")


def grow(spec: Path, output: Path) -> None:
    """Adds an image before all others, and removes the output."""
    first = min(path for path in spec.parent.rglob("*.png") if output not in path.parents)
    shutil.copy(first, first.with_name("+.png"))
    shutil.rmtree(output)


class Trial:
    """A command and what an output must be after it.

    Args:
        command: see the module.
        spec: its argument.
        output: the output, beside which there is what was finished before.
        mode: how it is struck.
        reference: the `hashes` when nothing disturbed it.
    """

    def __init__(self, command: str, spec: str, output: Path, mode: str, reference: dict[str, str]) -> None:
        self.command, self.spec, self.output, self.mode = command, spec, output, mode
        self.reference = reference
        self.states = output.with_name(f"{output.name}.states")
        self.wrong: list[str] = []
        self.mended: list[dict[Path, bytes | bool]] = []
        self.prepare()
        self.before = hashes(output)

    def prepare(self) -> None:
        """Makes the output as the command finds it."""
        shutil.rmtree(self.output, ignore_errors=True)
        if self.command in {"repair", "grow"}:
            shutil.copytree(finished(self.output), self.output)
        if self.command == "repair":
            for path in sorted(self.output.rglob("*-of-*.h5"))[::2]:
                content = path.read_bytes()
                path.write_bytes(content[:-9] + b"ninebytes")

    def strike(self, step: int) -> None:
        """Strikes at a step, and runs the command again."""
        self.prepare()
        code, _ = run(self.command, self.spec, self.output, step, self.mode)
        if code not in ({0, 5} if self.mode == "raise" else {-signal.SIGKILL}):
            self._wrong(step, f"exit code {code}")
        if self.mode == "kill" and listing(self.output) != listing(self.states / str(step)):
            self._wrong(step, "it did not leave what was there before the step")
        self._mend(step)

    def copy(self) -> None:
        """Runs the command, and keeps the output before each step."""
        shutil.rmtree(self.states, ignore_errors=True)
        self.prepare()
        run(self.command, self.spec, self.output, 0, "copy")

    def go_on(self, step: int) -> None:
        """Runs the command where it was killed at a step, unless that was tried with the same files."""
        state = self.states / str(step)
        files = {path.relative_to(state): path.is_file() and path.read_bytes() for path in state.rglob("*")}
        if files not in self.mended:
            self.mended.append(files)
            shutil.rmtree(self.output, ignore_errors=True)
            shutil.copytree(state, self.output)
            self._mend(step)

    def _mend(self, step: int) -> None:
        for name, digest in hashes(self.output).items():
            if "/.tmp-" not in name and digest not in {self.reference.get(name), self.before.get(name)}:
                self._wrong(step, f"{name} is not as it must be")
            if self.mode == "raise" and "/.tmp-" in name:
                self._wrong(step, f"{name} was left")
        code, _ = run(self.command, self.spec, self.output, 0, self.mode)
        if code:
            self._wrong(step, f"the second time it ended with {code}")
        if hashes(self.output) != self.reference:
            self._wrong(step, "the second time gave other files")
        if any(path.name.startswith(".tmp-") for path in self.output.rglob("*")):
            self._wrong(step, "temporary files were left")

    def _wrong(self, step: int, text: str) -> None:
        self.wrong.append(f"{self.command}, {self.mode} at step {step}: {text}")


def warm_up(spec: str, output: Path, *options: str) -> None:
    """Does in this process what is done once in each, so that the forked ones, two for every step, need not."""
    import cv2

    from imgprep.cli.exit_status import run as imgprep

    cv2.setNumThreads(1)  # threads do not survive a fork
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        for command in ("run", "repair"):
            assert imgprep([command, spec, "--output", str(output), "-q", *options]) == 0
    gc.collect()
    gc.freeze()


def main(spec: str, folder: str, command: str, mode: str, *steps: str) -> None:
    """Tries steps, by default all."""
    os.fsync = lambda descriptor: None  # a killed process loses nothing that it wrote; the disk's part is not tested
    warm_up(spec, Path(f"{folder}.warm"))
    output = Path(folder)
    codes = [run("run", spec, output, 0, mode)[0]]
    reference = hashes(output)
    shutil.copytree(output, finished(output))
    if command == "grow":
        grow(Path(spec), output)
        codes.append(run("run", spec, output, 0, mode)[0])
        reference = hashes(output)
    trial = Trial(command, spec, output, mode, reference)
    code, total = run(command, spec, output, 0, mode)
    wrong = [f"undisturbed, it ended with {codes}"] if any((*codes, code)) or total < 10 else []
    if hashes(output) != reference:
        wrong.append("undisturbed, it gave other files")
    chosen = [int(step) for step in steps if int(step) <= total] or range(1, total + 1)
    struck = chosen
    if mode == "kill":
        trial.copy()
        struck = chosen[:: min(EVERY, len(chosen) // 3)]
        for step in chosen:
            trial.go_on(step)
    for step in struck:
        trial.strike(step)
    found = {"steps": total, "tried": len(chosen), "states": len(trial.mended), "struck": len(struck)}
    sys.stdout.write(json.dumps(found | {"wrong": wrong + trial.wrong}))


if __name__ == "__main__":
    main(*sys.argv[1:])
elif __name__ == "sitecustomize" and "STEPPING" in os.environ:
    os.environ.setdefault(COORDINATOR, str(os.getpid()))
    _output, _counter, _step, _mode = os.environ["STEPPING"].split(":")
    Steps(_output, _counter, int(_step), _mode)
