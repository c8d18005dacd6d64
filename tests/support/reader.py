"""A reader who does what a page says: types its commands, runs its Python, writes its files."""

import contextlib
import csv
import io
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.support import program
from tests.support.blocks import Block
from tests.support.what_is_measured import unmeasured

# What a shell does to these is not imitated: such lines go to one.
SHELL: Final = re.compile(r"[|&;$`<*?(){}\\]|>>")


@dataclass
class Reader:
    """Follows a page in a folder. Commands of imgprep run in the process of the test, all else in a shell.

    Attributes:
        folder: the working directory.
        root: of the repository.
        said: what the last block of commands printed, messages before the result for each command.
        names: of the Python of a page, which is one program.
    """

    folder: Path
    root: Path
    said: str = ""
    names: dict[str, Any] = field(default_factory=dict)

    def follow(self, blocks: list[Block]) -> int:
        """Does what blocks say, in their order; gives the number of those executed."""
        self.names, executed = {"__name__": "page"}, 0
        for block in blocks:
            if block.left_out:
                continue
            if block.note.startswith("filled in: "):
                fill_in(self.folder / block.note.removeprefix("filled in: "))
            if block.title:
                self.write(block)
            elif block.language == "sh":
                self.type(block)
                executed += 1
            elif block.language == "python":
                self.compute(block)
                executed += 1
            elif block.note in {"prints", "quick start output: begin"}:
                compare(block, self.said)
        return executed

    def write(self, block: Block) -> None:
        """Writes a block that is a file."""
        path = self.folder / block.title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, "utf-8")

    def type(self, block: Block) -> None:
        """Types the commands of a block; all but the last must do."""
        parts, self.said = _parts(block.text), ""
        for number, part in enumerate(parts, 1):
            status = self._imgprep(part) if _is_imgprep(part) else self._shell(part)
            expected = block.status if number == len(parts) else 0
            assert status == expected, f"{block.where}: {part}: status {status}\n{self.said}"
        assert "Traceback" not in self.said, f"{block.where}: {self.said}"

    def compute(self, block: Block) -> None:
        """Runs the Python of a block; its names stay for the blocks after it."""
        code = compile("\n" * block.line + block.text, block.page, "exec")
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(io.StringIO()) as said:
            exec(code, self.names)  # the pages are ours
        self.said = said.getvalue()

    def _imgprep(self, line: str) -> int:
        line, _, target = line.partition(" > ")
        done = program.call(*shlex.split(line, comments=True)[1:], cwd=self.folder)
        if target:
            (self.folder / target.strip()).write_text(done.stdout, "utf-8")
        self.said += done.stderr + ("" if target else done.stdout)
        return done.returncode

    def _shell(self, script: str) -> int:
        done = subprocess.run(
            ["sh", "-e", "-c", script],
            cwd=self.folder,
            env=unmeasured() | {"PATH": f"{self._programs()}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        self.said += done.stderr + done.stdout
        return done.returncode

    def _programs(self) -> Path:
        """A folder with the program imgprep of this checkout, as a shell finds it."""
        folder = self.folder / ".programs"
        if not folder.exists():
            folder.mkdir()
            root, python = shlex.quote(str(self.root)), shlex.quote(sys.executable)
            (folder / "imgprep").write_text(f'#!/bin/sh\nPYTHONPATH={root} exec {python} -m imgprep "$@"\n')
            (folder / "imgprep").chmod(0o755)
        return folder


def fill_in(path: Path) -> None:
    """Labels the images of a review as they are labelled already, but for the first, which is hard to tell."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["reviewed_label"] for row in rows} == {""}
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ("id", "label", "reviewed_label"))
        table.writeheader()
        table.writerows(row | {"reviewed_label": row["label"] if number else "?"} for number, row in enumerate(rows))


def _is_imgprep(line: str) -> bool:
    command, _, target = re.sub(r"'[^']*'", "", line).partition(" > ")
    return command.startswith("imgprep ") and not SHELL.search(command.partition(" #")[0]) and " " not in target.strip()


def _parts(text: str) -> list[str]:
    """The commands of imgprep one by one, and what stands between them as scripts."""
    parts: list[str] = []
    for line in filter(None, (line.rstrip() for line in text.splitlines())):
        alone = _is_imgprep(line)
        if parts and not alone and not _is_imgprep(parts[-1]):
            parts[-1] += f"\n{line}"
        else:
            parts.append(line)
    return parts


def compare(block: Block, said: str) -> None:
    """Looks for the lines of a block in what was printed: each in a line, each after the one before."""
    printed = said.splitlines()
    for line in block.text.splitlines():
        wanted = line.strip()
        if wanted in {"", "..."}:
            continue
        place = next((number for number, real in enumerate(printed) if wanted in real), None)
        assert place is not None, f"{block.where}: not printed: {line}\n{said}"
        del printed[: place + 1]
