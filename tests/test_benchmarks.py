"""`make bench` in small: it runs, compares, and writes what it found. Speed itself is no matter of tests."""

import io
import json
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import environments, measure, report
from benchmarks.compare import Effort, Measured, in_turns, outcome
from benchmarks.inputs import Inputs
from benchmarks.jobs import JOBS, Job, Row
from benchmarks.measure import Contender, ContenderError, Spent, run
from benchmarks.peers import PEERS, Peer
from tests.support.project import Project


def _contender(tmp_path: Path, code: str, **options: object) -> Contender:
    return Contender("it", (sys.executable, "-S", "-c", code, str(tmp_path / "out")), **options)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _no_orphans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children of the tests' own process are no orphans of a contender: they would be waited for, and killed."""
    monkeypatch.setattr(measure, "_reap", lambda: None)


@pytest.fixture
def tar(tmp_path: Path) -> Path:
    """Four JPEG files."""
    path = tmp_path / "photos.tar"
    random = np.random.default_rng(0)
    with tarfile.open(path, "w") as file:
        for number in range(4):
            small = random.integers(0, 256, (6, 8, 3), np.uint8)
            data = cv2.imencode(".jpg", cv2.resize(small, (80, 60)))[1].tobytes()
            member = tarfile.TarInfo(f"{number}.jpg")
            member.size = len(data)
            file.addfile(member, io.BytesIO(data))
    return path


@pytest.mark.slow
def test_one_job_against_the_bare_loop(root: Path, tmp_path: Path, tar: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--only", "convert", "--peers", "opencv", "--images", "12"]
    places = ["--folder", tmp_path / "bench", "--results", tmp_path / "results", "--photos", tar]
    done = subprocess.run(
        [*command, *map(str, places), "--rounds", "1", "--offline"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results" / "results.json").read_bytes())
    assert set(results["machine"]) == {
        "processor", "cores", "memory_gib", "system", "python", "imgprep", "native", "programs"
    }  # fmt: skip
    job = results["jobs"]["convert"]
    assert job["images"] == 12
    assert not job["skipped"]
    (imgprep,), (bare,) = job["runs"]["imgprep"], job["runs"]["opencv"]
    against, *_ = job["rows"]
    assert (against["of"], against["against"], against["target"]) == ("imgprep", "opencv", 1.15)
    assert against["clock"]["rounds"] == [pytest.approx(bare["clock"] / imgprep["clock"])]
    assert against["processor"]["median"] == pytest.approx(bare["processor"] / imgprep["processor"])
    assert "against opencv" in (tmp_path / "results" / "RESULTS.md").read_text("utf-8")
    assert ET.parse(tmp_path / "results" / "results.svg").getroot().tag.endswith("svg")
    text = json.dumps(results)
    assert str(tmp_path) not in text
    assert str(root) not in text
    assert not (tmp_path / "bench" / "work").exists()


def test_every_peer_has_its_script_and_does_jobs_that_there_are() -> None:
    from benchmarks.jobs import SCRIPTS

    for peer in PEERS:
        assert (SCRIPTS / f"{peer.script}.py").exists()
        assert set(peer.jobs) <= set(JOBS)
    assert len({peer.name for peer in PEERS}) == len(PEERS)


def test_ratios_are_taken_in_each_round() -> None:
    runs = {"imgprep": [Spent(1, 2), Spent(2, 2), Spent(4, 2)], "peer": [Spent(3, 1), Spent(8, 1), Spent(8, 1)]}
    found = outcome(Row("against peer", 2.5, against="peer"), Measured(runs))
    assert found is not None
    assert found["clock"] == {"median": 3, "least": 2, "most": 4, "rounds": [3, 4, 2]}
    assert found["processor"]["median"] == 0.5
    assert found["reached"] is True


@pytest.mark.parametrize(
    ("row", "reached"),
    [
        (Row("time", 2, figure="seconds", more_is_better=False), True),
        (Row("time", 1, figure="seconds", more_is_better=False), False),
        (Row("memory", 400, figure="MiB", more_is_better=False), False),
        (Row("memory", None, figure="MiB", more_is_better=False), None),
    ],
)
def test_a_figure_of_its_own_is_held_against_its_aim(row: Row, reached: bool | None) -> None:
    found = outcome(row, Measured({"imgprep": [Spent(2, 3)]}, {"imgprep": 401.0}))
    assert found is not None
    assert found["reached"] is reached


def test_a_row_without_its_contender_is_no_row() -> None:
    assert outcome(Row("against peer", 2, against="peer"), Measured({"imgprep": [Spent(1, 1)]})) is None
    assert outcome(Row("memory", 2, figure="MiB"), Measured()) is None


def test_one_that_fails_is_left_out_with_its_last_line(tmp_path: Path) -> None:
    job = Job("nothing", lambda _: tmp_path, 0, lambda *_: ())
    good = Contender("good", (sys.executable, "-S", "-c", ""))
    bad = Contender("bad", (sys.executable, "-S", "-c", "import sys; sys.exit('no such luck')"))
    told: list[str] = []
    found = in_turns([bad, good], job, Effort(rounds=2), told.append)
    assert found.skipped == {"bad": "status 1: no such luck"}
    assert len(found.runs["good"]) == 2
    assert len(told) == 2


def test_who_writes_nothing_has_not_done_it(tmp_path: Path) -> None:
    with pytest.raises(ContenderError, match="wrote nothing"):
        run(_contender(tmp_path, "", output=tmp_path / "out"), 60)


def test_who_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(ContenderError, match=r"longer than 0\.2 s"):
        run(_contender(tmp_path, "import time; time.sleep(60)"), 0.2)


def test_own_figures_count(tmp_path: Path) -> None:
    code = """print('made'); print('{"seconds": 0.5, "processor": 0.25}')"""
    found = run(_contender(tmp_path, code, says=True), 60)
    assert (found.clock, found.processor) == (0.5, 0.25)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans on")
def test_the_time_of_orphans_counts() -> None:
    """In a process of its own, for it becomes the parent of all that it starts."""
    code = """
import sys
from pathlib import Path
from benchmarks.measure import Contender, adopting, run
work = "import time; end = time.process_time() + 0.3\\nwhile time.process_time() < end: pass"
orphan = f"import subprocess, sys; subprocess.Popen([sys.executable, '-S', '-c', {work!r}])"
with adopting():
    print(run(Contender("it", (sys.executable, "-S", "-c", orphan)), 60).processor)
"""
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert float(done.stdout) > 0.3


def test_a_peer_that_is_not_installed_says_so(tmp_path: Path) -> None:
    with pytest.raises(ContenderError, match="not installed"):
        environments.python_of(Peer("peer", "peer", ("nothing",), {}), tmp_path, install=False)
    assert environments.python_of(Peer("bare", "bare", (), {}), tmp_path) == Path(sys.executable)


def test_inputs_are_made_once_and_whole(tmp_path: Path, tar: Path) -> None:
    inputs = Inputs(tmp_path, tar, None)
    (tmp_path / "photos-10-real" / "class-0").mkdir(parents=True)  # of a run that was killed
    folder = inputs.of_photos(10)
    files = sorted(folder.rglob("*.jpg"))
    assert len(files) == 10
    assert len({file.read_bytes() for file in files}) == 4
    files[0].unlink()
    assert len(list(inputs.of_photos(10).rglob("*.jpg"))) == 9
    image = cv2.imread(str(next(inputs.of_small(3).rglob("*.png"))))
    assert image is not None
    assert image.shape == (32, 32, 3)


def _results(**jobs: float) -> dict[str, object]:
    def job(median: float) -> dict[str, object]:
        found = {"median": median, "least": median / 2, "most": median * 2, "rounds": [median / 2, median, median * 2]}
        row = {"title": "against <peer>", "figure": "ratio", "of": "imgprep", "against": "<peer>", "target": 3.0}
        row |= {"more_is_better": True, "reached": median >= 3, "clock": found, "processor": found}
        base = {
            "title": "a job",
            "images": 5,
            "when": "2026-01-01",
            "others": 0.5,
            "rows": [row],
            "peaks": {},
            "fewer": median < 1,
        }
        return base | {"versions": {"<peer>": {"peer": "1.0"}}, "skipped": {"other": "it is broken"}, "runs": {}}

    machine = {"processor": "P", "cores": 2, "memory_gib": 8, "system": "Linux", "python": "3", "imgprep": "1"}
    return {
        "machine": machine | {"native": True, "programs": {"numpy": "2"}},
        "inputs": {"photos": "drawn"},
        "jobs": {name: job(median) for name, median in jobs.items()},
    }


def test_results_in_words_and_as_a_picture(tmp_path: Path) -> None:
    report.write(tmp_path, _results(one=4.0, two=0.3))
    page = (tmp_path / "RESULTS.md").read_text("utf-8")
    assert "| a job | against <peer> | 4.00 (2.00 to 8.00) | 4.00 (2.00 to 8.00) | at least 3 | reached |" in page
    assert "| 0.30 (0.15 to 0.60) | at least 3 | **not reached** |" in page
    assert "The machine was shared" in page
    assert "**Fewer images than the aims are for**: two." in page
    assert "- one: other: it is broken" in page
    picture = ET.parse(tmp_path / "results.svg").getroot()
    bars = [each for each in picture.iter("{http://www.w3.org/2000/svg}rect") if each.get("fill") != "#ffffff"]
    assert len(bars) == 2
    assert bars[0].get("fill") != bars[1].get("fill")


def test_a_job_measured_anew_takes_its_place(tmp_path: Path) -> None:
    report.write(tmp_path, _results(one=4.0, two=5.0))
    new = _results(two=6.0) | {"order": ["two", "one"]}
    both = report.merged(tmp_path, new)["jobs"]
    assert list(both) == ["two", "one"]
    assert [job["rows"][0]["clock"]["median"] for job in both.values()] == [6.0, 4.0]
    other = new | {"machine": {"processor": "Q"}}
    assert list(report.merged(tmp_path, other)["jobs"]) == ["two"]


@pytest.mark.slow
def test_simulated_workers_leave_what_real_ones_do_but_for_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import imgprep.engines
    import imgprep.sources
    from benchmarks import simulated

    monkeypatch.setattr(imgprep.sources, "SOURCES", imgprep.sources.SOURCES)
    monkeypatch.setattr(imgprep.engines, "ENGINES", imgprep.engines.ENGINES)
    simulated.register()
    folder = tmp_path / "made-up"
    folder.mkdir()
    project = Project(tmp_path, folder)
    project.write(
        source={"layout": "made_up", "path": str(folder), "rows": 2000},
        convert={"size": [32, 32], "shard_size": 250 * 32 * 32 * 3},
        split={"near_duplicates": "ignore", "test": 0.1, "validation": 0.1},
        execution={"engine": "simulated", "workers": 1},
    )
    done = project.call("split", project.spec)
    assert done.returncode == 0, done.stderr
    records = project.samples("convert")
    assert len(records) == 2000
    assert records["class-000/0000000001.jpg"]["row"] == 1
    shards = project.manifest("convert")["shards"]
    assert [shard["samples"] for shard in shards] == [250] * 8
    assert [(project.output / "convert" / shard["filename"]).stat().st_size for shard in shards] == [250 * 3072] * 8
    assert sum(record["split"] == "test" for record in project.samples("split").values()) == 200
    assert project.call("split", project.spec).stderr.count("up to date") >= 1
