"""Commands that changed nothing are recorded, and said again without being run, until what they depend on changes."""

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from imgprep.cli import recording, repeated
from imgprep.cli.repeated import PRIVATE, RECORDS, output_of
from imgprep.spec.inputs import files_of
from imgprep.spec.loading import spec_from_mapping
from imgprep.util import locking
from tests.support import program
from tests.support.program import Done
from tests.support.project import Project


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that were written just now count as old."""
    monkeypatch.setattr(recording, "TICK", -(10**15))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path, tmp_path / "images")
    made.draw(cat=3, dog=3)
    made.write(source={"layout": "directory", "path": "images"}, execution={"engine": "serial"})
    return made


def again(project: Project, *arguments: str) -> Done | None:
    """What is said without running the command; None if it has to be run."""
    codes: list[int | None] = []

    def attempt(words: object) -> int:
        codes.append(repeated.repeated(list(map(str, arguments))))
        return codes[0] or 0

    def run(words: object, _: object = None) -> int:
        return attempt(words)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imgprep.cli.exit_status.run", run)
        done = program.call(*arguments, cwd=project.folder)
    if codes[0] is None:
        assert (done.stdout, done.stderr) == ("", "")
        return None
    return done


def settled(project: Project, *arguments: str) -> Done:
    """The outcome of a command after which nothing is left to do."""
    project.call(*arguments)
    return project.call(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "spec.yaml"),
        ("run", "spec.yaml", "-q"),
        ("convert", "spec.yaml"),
        ("pack", "spec.yaml", "--set", "seed=4"),
        ("audit", "spec.yaml", "--format", "json"),
        ("audit", "spec.yaml", "--set", "audit.rules.class-size.min=100"),
        ("run", "spec.yaml", "--set", "audit.rules.class-size.min=100"),
    ],
)
def test_the_same_is_said_with_the_same_code(project: Project, arguments: tuple[str, ...]) -> None:
    assert again(project, *arguments) is None
    told = settled(project, *arguments)
    found = again(project, *arguments)
    assert found is not None
    assert (found.returncode, found.stdout, found.stderr) == (told.returncode, told.stdout, told.stderr)
    assert told.returncode == ("min=100" in arguments[-1])
    assert "up to date" in told.stderr or "-q" in arguments or arguments[0] == "audit" or told.returncode


def test_quarantine_keeps_its_code(project: Project) -> None:
    (project.source / "cat/broken.png").write_bytes(b"no image")
    told = settled(project, "convert", "spec.yaml")
    found = again(project, "convert", "spec.yaml")
    assert found is not None
    assert (found.returncode, found.stdout, found.stderr) == (3, told.stdout, told.stderr)


def in_place(path: Path) -> None:
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


CHANGES: dict[str, Callable[[Project], object]] = {
    "an image": lambda project: in_place(project.source / "cat/001.png"),
    "a further image": lambda project: (project.source / "cat/9.png").write_bytes(b""),
    "a further file": lambda project: (project.source / "README.txt").write_bytes(b""),
    "one image less": lambda project: (project.source / "cat/001.png").unlink(),
    "the spec": lambda project: project.spec.write_text(project.spec.read_text() + "# a word\n"),
    "a report": lambda project: in_place(project.output / "audit/report.json"),
    "no page": lambda project: (project.output / "audit/report.html").unlink(),
    "a shard": lambda project: in_place(next((project.output / "convert").glob("*.h5"))),
    "no shard": lambda project: next((project.output / "pack").glob("train*.h5")).unlink(),
    "no index": lambda project: (project.output / "split/dataset.json").unlink(),
    "a leftover": lambda project: (project.output / "convert/.tmp-1-x").write_bytes(b""),
    "no key": lambda project: (project.output / ".imgprep/pack.key.json").unlink(),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that is up to date and recorded."""
    folder = tmp_path_factory.mktemp("made")
    project = Project(folder, folder / "images")
    project.draw(cat=3, dog=3)
    project.write(source={"layout": "directory", "path": "images"}, execution={"engine": "serial"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "TICK", -(10**15))
        settled(project, "run", "spec.yaml")
    return project


def recorded_as_it_is(project: Project) -> None:
    """Makes the record one of the present state, whatever the command would say now."""
    path = project.output / PRIVATE / RECORDS
    with contextlib.chdir(project.folder):
        [(key, record)] = json.loads(path.read_bytes()).items()
        record["state"] = repeated.state_of(Path("out"), record["reads"]).digest
    path.write_text(json.dumps({key: record}))


@pytest.mark.parametrize("what", CHANGES)
def test_after_a_change_the_command_is_run(made: Project, what: str) -> None:
    recorded_as_it_is(made)
    assert again(made, "run", "spec.yaml") is not None
    CHANGES[what](made)
    assert again(made, "run", "spec.yaml") is None


@pytest.mark.parametrize("content", [b"", b"{]", b"[]", b'{"x": [1, 2]}', None], ids=str)
def test_without_a_sound_record_the_command_is_run(project: Project, content: bytes | None) -> None:
    settled(project, "split", "spec.yaml")
    path = project.output / PRIVATE / RECORDS
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    assert again(project, "split", "spec.yaml") is None


@pytest.mark.parametrize("member", ["code", "said", "lock", "reads", "state"])
@pytest.mark.parametrize("value", [None, "x", [[1, None]]])
def test_a_record_with_a_wrong_member_is_no_record(made: Project, member: str, value: object) -> None:
    recorded_as_it_is(made)
    path = made.output / PRIVATE / RECORDS
    before = path.read_bytes()
    [(key, record)] = json.loads(before).items()
    path.write_text(json.dumps({key: record | {member: value}}))
    found = again(made, "run", "spec.yaml")
    assert found is None or member == "lock"
    path.write_bytes(before)


def test_what_is_gone_or_damaged_is_written_again(project: Project) -> None:
    settled(project, "run", "spec.yaml")
    folder = project.output / "audit"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    in_place(folder / "report.json")
    (folder / "images.csv").unlink()
    (folder / "report.html").write_bytes(b"")
    project.call("run", "spec.yaml")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_reports_that_stay_the_same_are_left_alone(project: Project) -> None:
    settled(project, "audit", "spec.yaml")
    before = {path: path.stat().st_mtime_ns for path in (project.output / "audit").iterdir()}
    project.call("audit", "spec.yaml")
    assert {path: path.stat().st_mtime_ns for path in (project.output / "audit").iterdir()} == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "spec.yaml", "-v"),
        ("run", "spec.yaml", "--no-gate"),
        ("run", "spec.yaml", "--set", "seed=4"),
        ("run", "spec.yaml", "--force"),
        ("run", "spec.yaml", "--dry-run"),
        ("convert", "spec.yaml"),
        ("run", "spec.yaml", "--output", "elsewhere"),
        ("status", "spec.yaml"),
    ],
)
def test_other_arguments_are_another_command(made: Project, arguments: tuple[str, ...]) -> None:
    recorded_as_it_is(made)
    assert again(made, *arguments) is None


@pytest.mark.parametrize(("name", "value"), [("OPENCV_CPU_DISABLE", "AVX2"), ("IMGPREP_NATIVE", "0")])
def test_other_surroundings_are_another_command(
    made: Project, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    recorded_as_it_is(made)
    monkeypatch.setenv(name, value)
    assert again(made, "run", "spec.yaml") is None


def test_on_another_day_a_waiver_may_have_ended(made: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded_as_it_is(made)
    monkeypatch.setattr("imgprep.cli.repeated.time.localtime", lambda: (2100, 1, 1, 0, 0, 0))
    assert again(made, "run", "spec.yaml") is None


def test_other_code_is_another_command(made: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(repeated, "_PACKAGE", tmp_path)
    recorded_as_it_is(made)
    assert again(made, "run", "spec.yaml") is not None
    (tmp_path / "rules.py").write_bytes(b"")
    assert again(made, "run", "spec.yaml") is None


def test_while_another_run_holds_the_output_the_command_is_run_and_says_so(project: Project) -> None:
    settled(project, "convert", "spec.yaml")
    with (project.output / PRIVATE / "lock").open("a+", encoding="utf-8") as file:
        locking.lock(file)
        assert again(project, "convert", "spec.yaml") is None
    assert again(project, "convert", "spec.yaml") is not None


def test_work_is_not_recorded(project: Project) -> None:
    project.call("run", "spec.yaml")
    assert not (project.output / PRIVATE / RECORDS).exists()


def test_nothing_newer_than_the_start_is_recorded(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "TICK", 10**15)
    settled(project, "convert", "spec.yaml")
    assert not (project.output / PRIVATE / RECORDS).exists()


def test_the_last_commands_are_kept(project: Project) -> None:
    project.call("convert", "spec.yaml")
    for number in range(recording.KEPT + 1):
        project.call("convert", "spec.yaml", *["-q"] * number)
    records = json.loads((project.output / PRIVATE / RECORDS).read_bytes())
    assert len(records) == recording.KEPT
    assert again(project, "convert", "spec.yaml") is None
    assert again(project, "convert", "spec.yaml", "-q") is not None


@pytest.mark.skipif(os.name != "posix", reason="makes a link")
def test_folders_behind_links_are_listed_each_time(project: Project) -> None:
    (project.folder / "more").mkdir()
    (project.source / "bird").symlink_to(project.folder / "more")
    settled(project, "convert", "spec.yaml")
    assert again(project, "convert", "spec.yaml") is None


def test_the_output_is_found() -> None:
    assert output_of(["doctor"]) is None
    assert output_of(["run", "nothing.yaml"]) is None


@pytest.mark.parametrize(
    ("text", "arguments", "expected"),
    [
        ("output: ../build/x   # all of it\n", (), "../build/x"),
        ("name: a\noutput: 'a b'\n", (), "a b"),
        ('{"output": "x"}', (), None),
        ('{\n"output": "x"\n}', (), "x"),
        ("pack: {output: x}\n", (), None),
        ("output: x\n", ("--output", "y"), "/y"),
        ("output: x\n", ("--output=y",), "/y"),
        ("output: x\n", ("--set", "seed=1", "--set", "output=y"), "y"),
        ("output: x\n", ("--set=output=y",), "y"),
        ("output: x\n", ("--output",), "/"),
    ],
)
def test_the_output_of_a_spec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, arguments: tuple[str, ...], expected: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "below").mkdir()
    (tmp_path / "below/spec.yaml").write_text(text)
    found = output_of(["run", "below/spec.yaml", *arguments])
    if expected is None or found is None:
        assert found is expected
    else:
        here = Path() if expected.startswith("/") else Path("below")
        assert found == here / expected.removeprefix("/")


class TestWhatASpecReads:
    def files(self, tmp_path: Path, **sections: object) -> list[str] | None:
        (tmp_path / "table.csv").write_text("id\n")
        whole = {"source": {"layout": "directory", "path": "images"}, "output": "out"} | sections
        found = files_of(spec_from_mapping(whole, tmp_path).spec)
        return None if found is None else sorted(path.relative_to(tmp_path).as_posix() for path in found)

    def test_everything_that_it_names_but_the_output(self, tmp_path: Path) -> None:
        source = {"layout": "directory", "path": "images", "attributes": "table.csv", "decisions": "decisions.csv"}
        audit = {"rules": {"label-errors": {"review": "review.csv", "pred_probs": "predictions.csv"}}}
        found = self.files(tmp_path, source=source, audit=audit)
        assert found == ["decisions.csv", "images", "predictions.csv", "review.csv", "table.csv"]

    def test_tables_may_lead_anywhere(self, tmp_path: Path) -> None:
        assert self.files(tmp_path, source={"layout": "csv", "path": "table.csv"}) is None

    def test_masks_too(self, tmp_path: Path) -> None:
        masks = {"layout": "directory", "path": "images", "attributes": "table.csv", "masks": {"attribute": "mask"}}
        assert self.files(tmp_path, source=masks) is None

    def test_so_may_code_that_is_not_ours(self, tmp_path: Path) -> None:
        whole = {"source": {"layout": "directory", "path": "images"}, "output": "out"}
        assert files_of(spec_from_mapping(whole, tmp_path).spec) == [tmp_path / "images"]
        own = type("Own", (), {"__module__": "somebody.rules", "id": "own", "severity": "error"})()
        assert files_of(spec_from_mapping(whole | {"audit": {"rules": {"own": own}}}, tmp_path).spec) is None


@pytest.mark.skipif(os.name != "posix", reason="compares times of change")
def test_a_further_run_imports_neither_numpy_nor_typer(project: Project) -> None:
    def run() -> subprocess.CompletedProcess[str]:
        return project.run("run", "spec.yaml", env={"PYTHONPROFILEIMPORTTIME": "1"})

    project.call("run", "spec.yaml")
    time.sleep(0.3)  # what was written just now is not trusted
    before, done = run(), run()
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "import time" in line}
    assert "imgprep.cli.repeated" in loaded
    assert not {"numpy", "typer", "pydantic", "cv2", "h5py", "yaml"} & loaded
    assert done.stdout == before.stdout
    assert "convert: up to date" in done.stderr
