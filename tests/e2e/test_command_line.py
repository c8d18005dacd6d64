"""The command line as its users meet it: exit codes, streams, options, messages."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., subprocess.CompletedProcess[str]]
COMMANDS = (
    "audit",
    "convert",
    "split",
    "augment",
    "pack",
    "run",
    "verify",
    "show",
    "preprocess",
    "export",
    "schema",
    "doctor",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, root: Path, project_type: Any) -> Any:
    """A finished run over the sample collection of the project."""
    project = project_type(tmp_path_factory.mktemp("finished"), root / "sample_data" / "fruits")
    project.write(
        name="fruits",
        convert={"size": [16, 16]},
        audit={"rules": {"class-size": {"min": 60}}},
        pack={"dtype": "float32", "normalize": "unit"},
    )
    done = project.run("run", project.spec)
    assert done.returncode == 0, done.stderr
    project.done = done
    return project


def test_run_puts_the_result_on_stdout_and_the_rest_on_stderr(finished: Any) -> None:
    out, err = finished.done.stdout, finished.done.stderr
    assert out.startswith("fruits: pack in out/pack\n")
    assert "Source     320 found = 320 ok + 0 quarantined + 0 skipped\n" in out
    assert "Load it  imgprep.load('out/pack', split='train')\n" in out
    assert "\x1b" not in out + err
    assert "\r" not in out + err
    lines = err.splitlines()
    assert all(re.fullmatch(r"[a-z-]+: \d+ images in \d+\.\d s", line) for line in lines)
    assert {"audit: 320 images", "convert: 320 images", "pack: 320 images"} <= {line.split(" in ")[0] for line in lines}
    assert (finished.output / "audit" / "report.json").is_file()
    assert (finished.output / "audit" / "report.html").is_file()


def test_a_second_run_says_up_to_date_and_leaves_every_dataset_alone(finished: Any, imgprep: Call) -> None:
    before = {path: path.stat().st_mtime_ns for path in files(finished)}
    again = imgprep("run", finished.spec, cwd=finished.folder)
    assert again.returncode == 0
    assert again.stdout == finished.done.stdout
    assert [line for line in again.stderr.splitlines() if "images" not in line] == [
        "convert: up to date",
        "split: up to date",
        "pack: up to date",
    ]
    assert {path: path.stat().st_mtime_ns for path in files(finished)} == before


def files(project: Any) -> list[Path]:
    return [path for stage in ("convert", "split", "pack") for path in (project.output / stage).iterdir()]


def test_json_of_reports_is_one_document(finished: Any, imgprep: Call) -> None:
    for arguments in (
        ("audit", finished.spec, "--format", "json"),
        ("show", finished.output, "--format", "json"),
        ("verify", finished.output, "--format", "json"),
        ("schema",),
    ):
        done = imgprep(*arguments)
        assert done.returncode == 0
        assert isinstance(json.loads(done.stdout), dict), arguments
    report = json.loads(imgprep("audit", finished.spec, "--format", "json").stdout)
    assert report["version"] == 1
    assert report["name"] == "fruits"
    assert report["images"] == 320
    assert report["passed"] is True
    keys = {"rule", "status", "severity", "class", "observed", "threshold", "message", "samples", "source"}
    assert all(keys <= finding.keys() for finding in report["findings"])
    assert json.loads((finished.output / "audit" / "report.json").read_bytes()) == report


@pytest.mark.parametrize("report", ["junit", "sarif", "github", "gitlab", "markdown"])
def test_every_report_of_the_contract_is_printed(finished: Any, imgprep: Call, report: str) -> None:
    done = imgprep("audit", finished.spec, "--format", report)
    assert done.returncode == 0
    if report in {"sarif", "gitlab"}:
        json.loads(done.stdout)
    if report == "junit":
        assert "<testsuite" in done.stdout


def test_a_failed_audit_exits_1_and_stops_the_run(project: Any, imgprep: Call) -> None:
    demanding = ("--set", "audit.rules.class-size.min=5")
    audited = imgprep("audit", project.spec, *demanding)
    assert audited.returncode == 1
    assert "oak has 3 images, 5 are needed" in audited.stdout
    stopped = imgprep("run", project.spec, *demanding)
    assert stopped.returncode == 1
    assert "oak has 3 images, 5 are needed" in stopped.stdout
    assert "--no-gate" in stopped.stderr
    assert not (project.output / "convert").exists()
    went_on = imgprep("run", project.spec, *demanding, "--no-gate")
    assert went_on.returncode == 0
    assert "failed, and the run continued as asked" in went_on.stdout
    assert project.manifest("pack")["samples"]["ok"] == 12


def test_quarantined_images_exit_3_unless_they_are_allowed(project: Any, imgprep: Call) -> None:
    (project.source / "oak" / "empty.png").write_bytes(b"")
    quiet = ("--set", "audit.rules.unreadable.severity=off")
    for command, options in (("convert", ()), ("pack", ()), ("run", quiet)):
        done = imgprep(command, project.spec, *options)
        assert done.returncode == 3, done.stderr
        assert "13 found = 12 ok + 1 quarantined + 0 skipped" in done.stdout
        assert "1 image was quarantined, execution.max_quarantined allows 0; out/" in done.stderr
    for allowed in ("1", "0.1"):
        assert imgprep("pack", project.spec, "--set", f"execution.max_quarantined={allowed}").returncode == 0
    assert project.samples("pack")["oak/empty.png"]["status"] == "quarantined"


def test_verify_exits_1_and_names_shard_and_rows(project: Any, imgprep: Call) -> None:
    assert imgprep("convert", project.spec).returncode == 0
    shard = project.output / "convert" / project.manifest("convert")["shards"][0]["filename"]
    content = bytearray(shard.read_bytes())
    good = imgprep("verify", project.output)
    assert good.returncode == 0
    assert "12 rows in 1 shard" in good.stdout
    place = content.index(pixels_of_row(project, 7))
    content[place + 5] ^= 4
    shard.write_bytes(content)
    bad = imgprep("verify", project.output)
    assert bad.returncode == 1
    assert f"{shard.name}: rows 7: pixels differ" in bad.stdout
    parsed = json.loads(imgprep("verify", project.output / "convert", "--format", "json").stdout)
    assert parsed["passed"] is False
    assert [difference["rows"] for difference in parsed["differences"]] == [[7]]
    shard.unlink()
    assert imgprep("verify", project.output).returncode == 1


def pixels_of_row(project: Any, row: int) -> bytes:
    import imgprep as package

    pixels: bytes = package.load(project.output / "convert")[row][0].tobytes()
    return pixels


def test_wrong_requests_exit_2_and_write_nothing(project: Any, imgprep: Call) -> None:
    foreign = project.folder / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("do not touch")
    requests: list[tuple[tuple[object, ...], str]] = [
        (("run", "nowhere.yaml"), "nowhere.yaml: there is no such file"),
        (("run", project.folder), f"is a folder, not a spec; write one for its images: imgprep init {project.folder}"),
        (("verify", project.spec), "spec.yaml: is a file, not a dataset; a spec? give the output folder that it names"),
        (("preview", project.spec, "-o", "nowhere/x.png"), "nowhere: no such folder; make it first"),
        (
            ("preview", project.spec, "-o", "x.jpg"),
            "x.jpg: the contact sheet is a PNG file; give a name that ends in",
        ),
        (("run", project.spec, "--set", "convert.size=64"), "for a square write [64, 64]"),
        (("run", project.spec, "--set", "convert.size"), "expected KEY=VALUE"),
        (("run", project.spec, "--set", "convert.sise=[4, 4]"), "did you mean 'size'?"),
        (("run", project.spec, "--output", foreign), "not empty and no output of imgprep"),
        (("run", project.spec, "--output", project.source / "out"), "inside the source folder"),
        (("run", project.spec, "--set", "source.path=elsewhere"), "relative to the spec file"),
        (("augment", project.spec), "augment: the section is missing"),
        (("audit", project.spec, "--format", "xml"), "expected one of text, json"),
        (("verify", "nowhere"), "nowhere: no finished imgprep dataset"),
        (("show", project.folder), "no finished imgprep dataset"),
        (("run", project.spec, "--workers", "0"), "--workers"),
        (("run", project.spec, "--wrokers", "2"), "--workers"),
        (("rnu", project.spec), "rnu"),
        (("run",), "SPEC"),
    ]
    before = project.listing()
    for arguments, message in requests:
        refused = imgprep(*arguments)
        assert refused.returncode == 2, arguments
        assert message in refused.stderr, arguments
        assert not refused.stdout, arguments
        assert project.listing() == before, arguments


def test_all_errors_of_a_spec_come_at_once_with_file_line_and_suggestion(project: Any, imgprep: Call) -> None:
    project.spec.write_text(
        "name: fruits\n"
        "source:\n"
        "  layout: directry\n"
        f"  path: {project.source}\n"
        "output: out\n"
        "convert:\n"
        "  chanels: rgb\n"
        "  size: [0, 8]\n"
        "split:\n"
        "  validation: 1.5\n"
        "pack:\n"
        "  dtype: float31\n"
    )
    refused = imgprep("run", "spec.yaml")
    assert refused.returncode == 2
    lines = refused.stderr.splitlines()
    assert [line.split(": ")[2].split(":")[1] for line in lines] == ["3", "7", "8", "10", "12"]
    assert all(line.startswith("imgprep: error: spec.yaml:") for line in lines)
    assert "did you mean 'directory'?" in lines[0]
    assert "did you mean 'channels'?" in lines[1]
    assert "did you mean 'float32'?" in lines[4]


def test_verbose_adds_the_traceback(project: Any, imgprep: Call) -> None:
    refused = imgprep("run", project.spec, "-v", "--set", "source.path=elsewhere")
    assert refused.returncode == 2
    assert refused.stderr.startswith("Traceback")
    assert refused.stderr.splitlines()[-1].startswith("imgprep: error: ")


def test_dry_run_writes_nothing(project: Any, imgprep: Call) -> None:
    before = project.listing()
    for command in ("convert", "split", "pack", "run"):
        planned = imgprep(command, project.spec, "--dry-run")
        assert planned.returncode == 0
        assert planned.stdout.startswith(
            "source: 12 found = 12 ok + 0 quarantined + 0 skipped, 3 classes\nconvert: 12 "
        )
        assert planned.stdout.endswith("nothing was written\n")
        assert project.listing() == before
    assert imgprep("run", project.spec).returncode == 0
    packed = project.manifest("pack")
    rows = ", ".join(f"{sum(counts.values())} {split}" for split, counts in packed["counts"].items())
    assert f"pack: {rows}; {len(packed['shards'])} shards" in planned.stdout


def test_options_replace_what_the_spec_says(project: Any, imgprep: Call) -> None:
    other = project.folder / "elsewhere" / "out"
    options = ("--set", "convert.size=[6, 4]", "--set", "pack.labels=one_hot", "--seed", "9", "--output", other)
    done = imgprep("pack", project.spec, *options, "--workers", "1", cwd=project.source)
    assert done.returncode == 0, done.stderr
    assert not project.output.exists()
    index = json.loads((other / "pack" / "dataset.json").read_bytes())
    assert index["image"]["shape"] == [6, 4, 3]
    assert index["labels"]["encoding"] == "one_hot"
    assert index["seed"] == 9


def test_paths_of_the_spec_are_relative_to_it_and_those_of_options_to_the_folder(project: Any, imgprep: Call) -> None:
    nested = project.folder / "specs"
    nested.mkdir()
    text = project.spec.read_text().replace(str(project.source), "../collection").replace("output: out", "output: ../o")
    (nested / "s.yaml").write_text(text)
    assert imgprep("convert", nested / "s.yaml", cwd=project.source).returncode == 0
    assert (project.folder / "o" / "convert" / "dataset.json").is_file()
    assert imgprep("convert", nested / "s.yaml", "--output", "here", cwd=nested).returncode == 0
    assert (nested / "here" / "convert" / "dataset.json").is_file()


def test_pack_brings_earlier_stages_up_to_date_and_run_goes_on_from_convert(project: Any, imgprep: Call) -> None:
    assert imgprep("convert", project.spec).returncode == 0
    assert not (project.output / "split").exists()
    went_on = imgprep("run", project.spec)
    assert went_on.returncode == 0
    assert "convert: up to date" in went_on.stderr
    assert "split: up to date" not in went_on.stderr
    fresh = imgprep("pack", project.spec, "--output", project.folder / "fresh")
    assert fresh.returncode == 0
    first, second = (project.folder / name for name in ("out", "fresh"))
    for stage in ("convert", "split", "pack"):
        for path in (first / stage).iterdir():
            assert path.read_bytes() == (second / stage / path.name).read_bytes(), path


def test_force_makes_the_same_bytes_again(project: Any, imgprep: Call) -> None:
    assert imgprep("pack", project.spec).returncode == 0
    hashes, stamps = project.hashes(), project.stamps("convert") | project.stamps("pack")
    forced = imgprep("pack", project.spec, "--force")
    assert forced.returncode == 0
    assert "up to date" not in forced.stderr + forced.stdout
    assert project.hashes() == hashes
    again = project.stamps("convert") | project.stamps("pack")
    assert all(again[name] != stamp for name, stamp in stamps.items())


def test_a_changed_source_file_redoes_only_its_shard(project: Any, imgprep: Call) -> None:
    project.write(convert={"size": [8, 8], "shard_size": "768 B"})
    assert imgprep("convert", project.spec).returncode == 0
    before = project.stamps("convert")
    assert len(before) == 3
    (project.source / "oak" / "0000.png").write_bytes((project.source / "ash" / "0000.png").read_bytes())
    changed = imgprep("convert", project.spec)
    assert changed.returncode == 0
    assert "convert: 2 of 3 shards were finished already" in changed.stderr
    after = project.stamps("convert")
    shard = project.samples("convert")["oak/0000.png"]["shard"]
    assert {name for name in before if after[name] != before[name]} == {shard}


def test_attributes_are_joined_and_what_has_no_partner_is_told(project: Any, imgprep: Call) -> None:
    table = project.folder / "columns.csv"
    table.write_text("id,stem,group\nash/0000.png,yes,tree-1\nash/0001.png,no,tree-1\nash/none.png,no,tree-2\n")
    project.write(source={"layout": "directory", "path": str(project.source), "attributes": "columns.csv"})
    done = imgprep("pack", project.spec)
    assert done.returncode == 0, done.stderr
    assert "10 images without a row in the table" in done.stderr
    assert "1 rows without an image (ash/none.png)" in done.stderr
    records = project.samples("pack")
    assert records["ash/0000.png"]["attributes"]["stem"] == "yes"
    assert records["ash/0000.png"]["group"] == "tree-1"
    assert records["ash/0000.png"]["split"] == records["ash/0001.png"]["split"]
    table.write_text("stem\nyes\n")
    refused = imgprep("pack", project.spec)
    assert refused.returncode == 2
    assert "columns.csv:2: no column id or location" in refused.stderr


def test_quiet_prints_the_result_only(project: Any, imgprep: Call) -> None:
    for command in ("audit", "convert", "run"):
        done = imgprep(command, project.spec, "--quiet")
        assert done.returncode == 0
        assert done.stdout
        assert not done.stderr


def test_version_and_help_are_everywhere(imgprep: Call) -> None:
    assert imgprep("--version").stdout.startswith("imgprep ")
    for flag in ("-h", "--help"):
        assert all(command in imgprep(flag).stdout for command in COMMANDS)
    for command in COMMANDS:
        shown = imgprep(command, "-h")
        assert shown.returncode == 0
        assert shown.stdout.startswith(f"Usage: imgprep {command} ")
        assert not shown.stderr
    listing = imgprep("-h").stdout.partition("Commands:")[2]
    assert "..." not in listing


def test_doctor_tells_versions_and_cores(imgprep: Call) -> None:
    done = imgprep("doctor")
    facts = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert {"imgprep", "Python", "Cores", "Memory", "OpenCV", "h5py"} <= facts.keys()
    assert done.returncode == (5 if done.stderr else 0)


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="has no pipes that break")
def test_a_closed_pipe_is_no_error_to_look_at(finished: Any) -> None:
    for arguments in (("show", finished.output), ("run", finished.spec, "-q")):
        with finished.start(*arguments) as process:
            assert process.stdout is not None
            process.stdout.close()
            assert process.wait(60) == 141
            assert process.stderr is not None
            assert not process.stderr.read()


def test_head_sees_the_first_line(finished: Any) -> None:
    command = f"'{sys.executable}' -m imgprep show '{finished.output}' --format json | head -n 1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, env=finished.environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "{\n", "")


def on_a_terminal(folder: Path, *arguments: object, columns: int, **environment: str) -> tuple[int, str]:
    """Runs imgprep on a terminal of so many columns; gives its exit code and what was shown."""
    pty = pytest.importorskip("pty")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        variables = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
        subprocess.run(["stty", "rows", "40", "cols", str(columns)], check=False)
        os.execve(
            sys.executable,
            [sys.executable, "-m", "imgprep", *map(str, arguments)],
            variables | {"TERM": "xterm-256color"} | environment,
        )
    shown = b""
    while True:
        try:
            data = os.read(terminal, 1 << 16)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_terminal_shows_bars_and_colours(finished: Any) -> None:
    code, shown = on_a_terminal(finished.folder, "run", finished.spec, "--force", columns=80)
    assert code == 0
    assert "convert:" in shown
    assert "/320 [" in shown
    assert "img/s]" in shown
    seen = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert all(len(line) <= 80 for line in re.split(r"[\r\n]+", seen))
    code, colored = on_a_terminal(finished.folder, "audit", finished.spec, "-q", columns=80)
    assert code == 0
    assert "\x1b[" in colored
    code, plain = on_a_terminal(finished.folder, "audit", finished.spec, "--no-progress", columns=80, NO_COLOR="1")
    assert code == 0
    assert "\x1b[" not in plain
    assert "img/s]" not in plain
