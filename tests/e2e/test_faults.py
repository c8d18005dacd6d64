"""Kills, signals, rivals and full disks: nothing is lost, nothing is half written, the next run goes on."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

resource = pytest.importorskip("resource")

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")

PROMPT = 5.0
"""Seconds within which a signal ends a run."""


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, large_images: Path, many_shards: Mapping[str, Any], project_type: Any
) -> Any:
    """A finished run that nothing disturbed."""
    project = project_type(tmp_path_factory.mktemp("undisturbed"), large_images)
    project.write(**many_shards)
    done = project.run("run", project.spec)
    assert done.returncode == 0, done.stderr
    assert len(project.stamps("convert")) == 6
    return project


@pytest.fixture
def slow(new_project: Callable[..., Any], large_images: Path, many_shards: Mapping[str, Any]) -> Any:
    """A project whose run takes some seconds and makes many shards."""
    return new_project(large_images, **many_shards)


def finished_shards(project: Any, stage: str, number: int) -> Callable[[], bool]:
    return lambda: len(list((project.output / stage).glob("*-of-*.h5"))) >= number


def partial_files(project: Any) -> list[str]:
    return [name for name in project.listing() if ".tmp-" in name]


def test_killed_at_any_moment_the_run_goes_on_to_the_same_bytes(
    slow: Any, undisturbed: Any, waiting: Callable[..., Any]
) -> None:
    moments = {
        "the first evidence": lambda: any((slow.output / ".imgprep").glob("evidence/*")),
        "the first shard": finished_shards(slow, "convert", 1),
        "four shards": finished_shards(slow, "convert", 4),
        "the first packed shard": finished_shards(slow, "pack", 1),
        "four packed shards": finished_shards(slow, "pack", 4),
    }
    finished: dict[str, dict[str, tuple[int, int]]] = {"convert": {}, "pack": {}}
    for name, reached in moments.items():
        with slow.start("run", slow.spec) as process:
            waiting(reached, name, during=process)
            process.send_signal(signal.SIGKILL)
        waiting(lambda: not slow.processes(), f"the workers to end, killed at {name}")
        for stage, before in finished.items():
            now = slow.stamps(stage)
            assert now.items() >= before.items(), f"{stage} shards were redone, killed at {name}"
            finished[stage] = now
    assert finished["convert"]
    assert finished["pack"]
    done = slow.run("run", slow.spec)
    assert done.returncode == 0, done.stderr
    assert slow.hashes() == undisturbed.hashes()
    for stage, before in finished.items():
        assert slow.stamps(stage).items() >= before.items()
    assert not partial_files(slow)


def test_killed_after_some_time_the_run_goes_on_to_the_same_bytes(slow: Any, undisturbed: Any) -> None:
    for delay in (0.9, 1.4):
        with slow.start("run", slow.spec) as process:
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
    done = slow.run("run", slow.spec)  # while workers of the killed run may still be ending
    assert done.returncode == 0, done.stderr
    assert slow.hashes() == undisturbed.hashes()
    assert not partial_files(slow)


@pytest.mark.parametrize(
    ("number", "code", "how", "group"),
    [
        pytest.param("SIGINT", 130, "interrupted", True, id="Ctrl-C"),
        pytest.param("SIGTERM", 143, "terminated", True, id="SIGTERM to the group"),
        pytest.param("SIGTERM", 143, "terminated", False, id="SIGTERM"),
    ],
)
def test_a_signal_ends_the_run_at_once_without_orphans(
    slow: Any, undisturbed: Any, waiting: Callable[..., Any], number: str, code: int, how: str, group: bool
) -> None:
    with slow.start("run", slow.spec) as process:
        waiting(lambda: slow.stamps("convert"), "the first shard in the journal", during=process)
        (os.killpg if group else os.kill)(process.pid, signal.Signals[number])
        out, err = process.communicate(timeout=PROMPT)
    assert process.returncode == code
    assert err.splitlines()[-1] == f"imgprep: {how}; rerun the same command to resume"
    assert "Traceback" not in err
    assert not out
    waiting(lambda: not slow.processes(), "the workers to end", PROMPT)
    assert not (slow.output / "convert" / "dataset.json").exists()
    if not group:
        before = slow.stamps("convert")
        assert slow.run("run", slow.spec, "-q").returncode == 0
        assert before
        assert slow.stamps("convert").items() >= before.items()
        assert slow.hashes() == undisturbed.hashes()
        assert not partial_files(slow)


def test_signals_before_any_work_are_no_tracebacks(slow: Any, waiting: Callable[..., Any]) -> None:
    with slow.start("run", slow.spec) as process:
        waiting((slow.output / ".imgprep" / "lock").exists, "the lock", during=process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PROMPT)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not out
    waiting(lambda: not slow.processes(), "the workers to end", PROMPT)


@pytest.mark.parametrize("command", ["audit", "convert", "augment", "pack", "run", "preview", "verify", "repair"])
def test_a_signal_ends_every_command_at_once_without_orphans(
    slow: Any, undisturbed: Any, waiting: Callable[..., Any], command: str
) -> None:
    """The signal comes when the first process beside the command is there, so before it can have done its work."""
    finished = command in {"verify", "repair"}
    project = undisturbed if finished else slow
    before = project.hashes()
    with project.start(command, project.output if command == "verify" else project.spec) as process:
        waiting(lambda: project.children(process.pid), "a child process", during=process)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PROMPT)
    assert process.returncode == 143
    assert err.splitlines()[-1:] in ([], ["imgprep: terminated; rerun the same command to resume"])
    assert "Traceback" not in err
    assert not out
    waiting(lambda: not project.processes(), "the workers to end", PROMPT)
    assert not partial_files(project)
    assert project.hashes() == before


@pytest.fixture(scope="module")
def slow_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images that take a second to decode between two that take no time."""
    folder = tmp_path_factory.mktemp("slow") / "images"
    random = np.random.default_rng(12)
    (folder / "yew").mkdir(parents=True)
    for name in ("0.png", "3.png"):
        assert cv2.imwrite(str(folder / "yew" / name), random.integers(0, 256, (9, 9, 3), np.uint8))
    noise = random.integers(0, 256, (1300, 1300, 3), np.uint8)
    assert cv2.imwrite(str(folder / "yew" / "1.jp2"), noise, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])
    shutil.copy(folder / "yew" / "1.jp2", folder / "yew" / "2.jp2")
    return folder


def test_an_image_that_takes_too_long_costs_itself_and_the_next_run_tries_it_again(
    new_project: Callable[..., Any], slow_images: Path
) -> None:
    project = new_project(slow_images, execution={"workers": 1, "item_timeout": 0.3})
    done = project.run("convert", project.spec)
    assert done.returncode == 3, done.stderr
    assert "2 images were quarantined for a reason that may pass; the next run tries again" in done.stderr
    reasons = {name: record["reason"] for name, record in project.samples("convert").items()}
    late = "took longer than 0.3 s"
    assert reasons == {"yew/0.png": "", "yew/1.jp2": late, "yew/2.jp2": late, "yew/3.png": ""}
    project.write(execution={"workers": 1, "item_timeout": 100})
    patient = project.run("convert", project.spec)
    assert patient.returncode == 0, patient.stderr
    assert project.manifest("convert")["samples"] == {"found": 4, "ok": 4, "quarantined": 0, "skipped": 0}
    assert "convert: up to date" in project.run("convert", project.spec).stderr


@pytest.fixture(scope="module")
def unhurried(tmp_path_factory: pytest.TempPathFactory, slow_images: Path, project_type: Any) -> dict[str, str]:
    """What becomes of the slow images when there is time."""
    project = project_type(tmp_path_factory.mktemp("unhurried"), slow_images)
    project.write(execution={"workers": 1, "item_timeout": 100})
    assert project.run("convert", project.spec).returncode == 0
    hashes: dict[str, str] = project.hashes()
    return hashes


def test_a_killed_worker_costs_no_image(
    new_project: Callable[..., Any], slow_images: Path, unhurried: dict[str, str], waiting: Callable[..., Any]
) -> None:
    project = new_project(slow_images, execution={"workers": 1, "item_timeout": 100})
    for delay in (0.5, 1.5):
        with project.start("convert", project.spec, "--force") as process:
            waiting(lambda: project.workers(process.pid), "a worker", during=process)
            time.sleep(delay)
            for worker in project.workers(process.pid):
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
            _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert project.hashes() == unhurried


@pytest.mark.parametrize("order", [1, -1], ids=["the workers wake last", "the workers wake first"])
def test_a_run_that_was_stopped_for_longer_than_an_image_may_take_loses_none(
    new_project: Callable[..., Any], tmp_path: Path, waiting: Callable[..., Any], order: int
) -> None:
    """As by docker pause, or the lid of a laptop; and more often than a worker may die with one image."""
    (tmp_path / "images" / "yew").mkdir(parents=True)
    noise = np.random.default_rng(13).integers(0, 256, (300, 300, 3), np.uint8)
    first = tmp_path / "images" / "yew" / "0.jp2"
    assert cv2.imwrite(str(first), noise, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])
    for index in range(1, 24):
        shutil.copy(first, first.with_name(f"{index}.jp2"))
    project = new_project(tmp_path / "images", execution={"workers": 1, "item_timeout": 1.5})
    with project.start("convert", project.spec) as process:
        waiting(lambda: project.workers(process.pid), "a worker", during=process)
        for _ in range(3):
            time.sleep(0.3)
            everyone = sorted(project.processes(), reverse=order < 0)
            for number, pause in ((signal.SIGSTOP, 1.8), (signal.SIGCONT, 0)):
                for each in everyone:
                    with suppress(ProcessLookupError):
                        os.kill(each, number)
                time.sleep(pause)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert project.manifest("convert")["samples"] == {"found": 24, "ok": 24, "quarantined": 0, "skipped": 0}


def test_a_second_run_on_one_output_is_refused_at_once_and_names_the_holder(
    slow: Any, undisturbed: Any, waiting: Callable[..., Any]
) -> None:
    with slow.start("run", slow.spec) as first:
        waiting(finished_shards(slow, "convert", 1), "the first shard", during=first)
        first.send_signal(signal.SIGSTOP)  # so that it cannot end before the second begins
        refused = [slow.run(command, slow.spec) for command in ("run", "audit")]
        first.send_signal(signal.SIGCONT)
        _, err = first.communicate(timeout=120)
    for second in refused:
        assert second.returncode == 5
        assert f"held by process {first.pid} on " in second.stderr
        assert second.stderr.count("\n") == 1
        assert not second.stdout
    assert first.returncode == 0, err
    assert slow.hashes() == undisturbed.hashes()


def test_a_limit_on_file_sizes_leaves_nothing_partial_and_can_be_lifted(
    new_project: Callable[..., Any], large_images: Path
) -> None:
    project = new_project(large_images, convert={"size": [256, 256]}, execution={"workers": 1, "engine": "serial"})

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20))

    failed = project.run("convert", project.spec, preexec_fn=limited)
    assert failed.returncode == 5
    assert failed.stderr.splitlines()[-1].startswith(f"imgprep: error: {project.output / 'convert'}")
    assert "File too large" in failed.stderr
    assert [path.name for path in (project.output / "convert").iterdir()] == []
    assert not partial_files(project)
    done = project.run("convert", project.spec)
    assert done.returncode == 0, done.stderr
    assert len(project.manifest("convert")["shards"]) > 1


@pytest.mark.parametrize("output", ["/proc/imgprep", "/dev/null/imgprep", "file/below"])
def test_an_output_that_cannot_be_written_fails_in_one_line(
    project: Any, imgprep: Callable[..., Any], output: str
) -> None:
    (project.folder / "file").write_text("no folder")
    before = project.listing()
    failed = imgprep("run", project.spec, "--output", output)
    assert failed.returncode in {2, 5}
    assert failed.stderr.count("\n") == 1
    assert not failed.stdout
    assert project.listing() == before
