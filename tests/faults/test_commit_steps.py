"""Death and full disks at every step of the commit, over a whole run: nothing partial, and the next run mends all."""

import json
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks and kills")
SECTIONS: dict[str, Any] = {
    "convert": {"size": [8, 8], "shard_size": "1 KiB"},
    "split": {"test": 2, "validation": 2, "near_duplicates": "ignore"},
    "pack": {"dtype": "uint8", "normalize": "none", "shard_size": "1 KiB"},
}


def strike(case: Any, mode: str, steps: Iterable[int] = (), command: str = "run") -> dict[str, Any]:
    """Strikes at the steps, by default at all."""
    case.draw(ash=3, oak=3)
    case.write(**SECTIONS)
    program = [sys.executable, str(HERE / "stepping.py"), str(case.spec), str(case.output), command, mode]
    program += map(str, steps)
    done = subprocess.run(program, capture_output=True, text=True, timeout=400, check=True, env=case.environment)
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["wrong"] == []
    return found


@pytest.mark.slow
def test_killed_at_any_step_only_temporary_files_remain_and_the_next_run_is_as_undisturbed(case: Any) -> None:
    found = strike(case, "kill")
    assert found["tried"] == found["steps"] > 80
    assert found["states"] > 60
    assert found["struck"] > 8


def test_a_step_that_fails_for_want_of_space_ends_the_run_and_the_next_is_as_undisturbed(case: Any) -> None:
    assert strike(case, "raise", range(1, 200, 4))["tried"] > 20


def test_killed_while_a_file_is_half_written(case: Any) -> None:
    assert strike(case, "torn", range(5, 200, 8))["tried"] > 10


@pytest.mark.parametrize(("mode", "every"), [("kill", 1), ("raise", 3), ("torn", 3)])
def test_a_repair_that_dies_at_any_step_is_done_by_the_next(case: Any, mode: str, every: int) -> None:
    found = strike(case, mode, range(1, 200, every), command="repair")
    assert found["tried"] == len(range(0, found["steps"], every)) > 12


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "every"), [("kill", 9), ("raise", 17), ("torn", 23)])
def test_a_run_over_a_collection_that_grew_dies_at_any_step(case: Any, mode: str, every: int) -> None:
    found = strike(case, mode, range(1, 300, every), command="grow")
    assert found["tried"] == len(range(0, found["steps"], every)) > 4


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory, new_case: Any) -> Any:
    """An undisturbed run with worker processes, the number of its steps, and the module that strikes at one."""
    case = new_case(tmp_path_factory.mktemp("processes"))
    case.draw(ash=3, oak=3)
    case.write(**SECTIONS, execution={"workers": 2})
    shutil.copy(HERE / "stepping.py", case.folder / "sitecustomize.py")
    return case


def struck(case: Any, step: int, mode: str) -> Any:
    """Runs it, with a strike at a step; gives how it ended and how many steps there were."""
    counter = case.folder / "counter"
    counter.unlink(missing_ok=True)
    settings = {"PYTHONPATH": str(case.folder), "STEPPING": f"{case.output}:{counter}:{step}:{mode}"}
    done = case.run("run", case.spec, "--output", case.output, "-q", env=settings)
    return done, counter.stat().st_size


def test_struck_in_any_process_the_next_run_is_as_undisturbed(processes: Any) -> None:
    done, total = struck(processes, 0, "kill")
    assert done.returncode == 0, done.stderr
    reference = processes.content()
    for step in sorted(random.Random(6).sample(range(10, total), 4)):
        shutil.rmtree(processes.output)
        done, _ = struck(processes, step, "kill")
        assert done.returncode == -signal.SIGKILL, step
        partial = {name for name, content in processes.content().items() if reference.get(name) != content}
        assert {name for name in partial if "/.tmp-" not in name} == set(), step
        done, _ = struck(processes, 0, "kill")
        assert done.returncode == 0, done.stderr
        assert processes.content() == reference
        assert not processes.leftovers()
