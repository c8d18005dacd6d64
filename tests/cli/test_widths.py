"""What the commands print in terminals of several widths: no word is broken, nothing is wider than the terminal."""

import functools
import re
from collections.abc import Callable
from typing import Any

import pytest

from imgprep.cli import exit_status
from imgprep.cli import terminal as terminals
from imgprep.cli.app import app
from tests.support import program
from tests.support.program import Done
from tests.support.project import Project

WIDTHS = (60, 80, 120)
LONG = "a-class-with-a-name-that-is-longer-than-a-narrow-terminal-is-wide"
NAMES = tuple(command.name or command.callback.__name__ for command in app.registered_commands)  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Everything made of a collection with a long name, a damaged file and several splits."""
    folder = tmp_path_factory.mktemp("widths")
    stress = {"per_class": 6, "transforms": [{"flip": {"horizontal": 0.5}}], "stress": ["inverted", "shifted"]}
    project = Project(folder, folder / "images", {"execution": {"engine": "serial"}, "augment": stress})
    project.draw(ash=8, elm=8, **{LONG: 8})
    (project.source / "elm" / "broken.png").write_bytes(b"no picture")
    project.write(split={"test": 2, "validation": 2})
    done = project.call("run", project.spec, "--no-gate")
    assert done.returncode == 3, done.stderr
    assert project.call("review", project.spec, "--no-serve").returncode == 0  # thumbnails are made once
    (folder / "other.yaml").write_text(project.spec.read_text().replace("size: [8, 8]", "size: [6, 6]"))
    return project


COMMANDS: dict[str, tuple[object, ...]] = {
    "init": ("init", "images", "-o", "made.yaml", "--force"),
    "audit --all": ("audit", "spec.yaml", "--all"),
    "curate": ("curate", "spec.yaml", "--dry-run", "--rule", "unreadable=exclude"),
    "review": ("review", "spec.yaml", "--no-serve", "--force"),
    "convert": ("convert", "spec.yaml"),
    "split": ("split", "spec.yaml"),
    "augment": ("augment", "spec.yaml"),
    "pack": ("pack", "spec.yaml"),
    "run": ("run", "spec.yaml", "--no-gate"),
    "dry-run": ("run", "spec.yaml", "--dry-run"),
    "work": ("work", "spec.yaml", "--stage", "pack", "--part", "1/2"),
    "status": ("status", "spec.yaml", "--set", "convert.size=[6, 6]", "--set", "seed=7"),
    "verify": ("verify", "out"),
    "repair": ("repair", "spec.yaml"),
    "show": ("show", "out"),
    "preview": ("preview", "spec.yaml", "-o", "sheet.png"),
    "preprocess": ("preprocess", "out/pack", "images/ash/000.png", "-o", "row.npy"),
    "diff": ("diff", "spec.yaml", "other.yaml"),
    "export": ("export", "out/convert", "--to", "imagefolder", "-o", "files", "--force"),
    "doctor": ("doctor",),
}
MISTAKES: dict[str, tuple[object, ...]] = {
    "no spec": ("audit", "nothing-of-this-name-is-here.yaml"),
    "folder as spec": ("run", "images"),
    "spec as dataset": ("verify", "spec.yaml"),
    "unknown key": ("convert", "spec.yaml", "--set", "convert.sise=[3, 4]", "--set", "split.tst=0.1"),
    "unknown option": ("convert", "spec.yaml", "--frce"),
    "missing argument": ("convert",),
    "unknown command": ("cnvert", "spec.yaml"),
    "wrong extension": ("preview", "spec.yaml", "-o", "sheet.jpg"),
    "missing folder": ("preview", "spec.yaml", "-o", "missing/sheet.png"),
    "unknown rule": ("curate", "spec.yaml", "--rule", "near-duplicat=exclude"),
    "unknown format": ("diff", "spec.yaml", "other.yaml", "--format", "yaml"),
    "no dataset": ("show", "images"),
    "no section": ("features", "spec.yaml"),
}


@pytest.fixture
def call(made: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """Runs a command with both streams laid out for a width."""

    def run(width: int, *arguments: object) -> Done:
        monkeypatch.setenv("COLUMNS", str(width))
        for module in (terminals, exit_status):
            monkeypatch.setattr(module, "width_of", lambda _: width)
        return program.call(*arguments, cwd=made.folder)

    return run


@functools.cache
def whole(made: Any, arguments: tuple[object, ...]) -> tuple[str, str]:
    """What the command prints in a terminal without an end."""
    context = pytest.MonkeyPatch.context()
    with context as patch:
        patch.setenv("COLUMNS", "9999")
        for module in (terminals, exit_status):
            patch.setattr(module, "width_of", lambda _: 9999)
        done = program.call(*arguments, cwd=made.folder)
    return done.stdout, done.stderr


def words(text: str) -> list[str]:
    """The words, whatever they stand beside: numbers are masked, for times differ.

    A narrow terminal has no column for the rule of a finding, which ends with a colon there.
    """
    return [re.sub(r"\d", "0", word).rstrip(":") for word in text.split() if word != "\\" and set(word) != {"─"}]


def check(text: str, whole_text: str, width: int, *, folds: bool = False) -> None:
    """No line is wider unless one of its words is, continued lines hang, and the words are those of the whole text."""
    for line in text.splitlines():
        longest = max(map(len, line.split()), default=0)
        assert len(line) <= width or len(line.split()) == 1 or longest > width - 24, line
    if folds:  # the parts of a table repeat the names of its rows
        assert set(words(text)) == set(words(whole_text))
    else:
        assert words(text) == words(whole_text)


SLOW = {"init", "verify", "repair"}
"""Commands that start processes of their own: one width must do."""


@pytest.mark.parametrize(
    ("command", "width"),
    [(command, width) for command in COMMANDS for width in (WIDTHS[:1] if command in SLOW else WIDTHS)],
)
def test_commands(made: Project, call: Callable[..., Done], command: str, width: int) -> None:
    done = call(width, *COMMANDS[command])
    assert done.returncode != 2, done.stderr
    out, err = whole(_Hashed(made), COMMANDS[command])
    check(done.stdout, out, width, folds=command in {"show", "run", "curate", "audit --all"})
    check(done.stderr, err, width)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_errors(made: Project, call: Callable[..., Done], mistake: str, width: int) -> None:
    done = call(width, *MISTAKES[mistake])
    assert done.returncode == 2
    assert done.stdout == ""
    check(done.stderr, whole(_Hashed(made), MISTAKES[mistake])[1], width)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("command", [None, *NAMES])
def test_help(call: Callable[..., Done], command: str | None, width: int) -> None:
    done = call(width, *([] if command is None else [command]), "--help")
    assert done.returncode == 0
    assert all(len(line) <= width for line in done.stdout.splitlines())
    assert "..." not in done.stdout.replace("]...", "")
    assert ("machine-learning-ready" in done.stdout) == (command is None)
    assert words(done.stdout) == words(call(9999, *([] if command is None else [command]), "--help").stdout)


def test_every_command_is_looked_at() -> None:
    tried = {str(arguments[0]) for arguments in (*COMMANDS.values(), *MISTAKES.values())}
    assert set(NAMES) - tried == {"schema"}  # which prints JSON


@pytest.mark.parametrize("columns", ["", "60"])
def test_what_goes_to_a_program_is_not_broken(made: Project, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    done = made.call("audit", "spec.yaml")
    assert max(map(len, done.stdout.splitlines())) > 160
    failed = made.call("convert", "spec.yaml", "--set", "convert.sise=[3, 4]")
    assert len(failed.stderr.splitlines()) == 1


class _Hashed:
    """A project as the key of a cache."""

    def __init__(self, project: Project) -> None:
        self.folder = project.folder

    def __hash__(self) -> int:
        return hash(self.folder)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hashed) and other.folder == self.folder
