"""The ways to start workers."""

import os
import signal
import sys

import pytest
from engine_jobs import LIMIT, Work, work

from imgprep.engines import cool_down, launch, warm_up
from imgprep.engines.processes import Processes
from imgprep.errors import ImageError, ResourceError

ENGINE = Processes(workers=2, item_timeout=20.0, memory_limit=LIMIT)
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def test_workers_that_start_from_nothing(monkeypatch):
    monkeypatch.setattr(launch, "CAN_FORK", False)
    told: list[int] = []
    plans = [Work("good"), Work("bad", faults={1: "kill", 3: "image-error"})]
    outcomes = {outcome.plan.name: outcome for outcome in ENGINE.run(work, plans, told.append)}
    assert outcomes["good"].value.done == 5
    assert type(outcomes["bad"].error) is ImageError
    assert 5 + 3 <= sum(told) <= 10
    outcomes = ENGINE.run(work, [Work("good"), Work("bad", faults={1: "sleep"})])
    assert next(outcomes).plan.name == "good"
    outcomes.close()


@needs_proc
def test_the_nursery_is_kept_and_found_again(children):
    cool_down()
    assert children() == []
    warm_up()
    warm_up()
    (nursery,) = children()
    for _ in range(2):
        assert len(list(ENGINE.run(work, [Work("plan")]))) == 1
        assert children() == [nursery]
    cool_down()
    assert children() == []


@needs_proc
def test_a_kept_nursery_that_died_is_replaced(children):
    cool_down()
    warm_up()
    (nursery,) = children()
    os.kill(nursery, signal.SIGKILL)
    os.waitid(os.P_PID, nursery, os.WEXITED | os.WNOWAIT)
    assert next(ENGINE.run(work, [Work("plan")])).error is None


@needs_proc
def test_the_death_of_the_nursery_ends_the_run(children):
    cool_down()
    warm_up()
    (nursery,) = children()
    outcomes = ENGINE.run(work, [Work("good"), Work("slow", faults={1: "sleep"})])
    assert next(outcomes).plan.name == "good"
    os.kill(nursery, signal.SIGKILL)
    with pytest.raises(ResourceError, match="exit status -9"):
        list(outcomes)
    assert children() == []


@needs_proc
def test_a_fork_of_the_program_leaves_the_nursery_alone(run_python):
    program = (
        "import os, imgprep.engines as e, imgprep.engines.launch as l\n"
        "e.warm_up()\n"
        "if os.fork() == 0:\n"
        "    kept = l._kept[0]\n"
        "    e.cool_down()\n"
        "    os._exit(int(kept.usable()))\n"
        "print(os.waitstatus_to_exitcode(os.wait()[1]), l._kept[0].usable())\n"
    )
    assert run_python(program) == "0 True\n"


@needs_proc
def test_workers_find_the_path_and_folder_of_the_moment(tmp_path, monkeypatch):
    warm_up()
    (tmp_path / "late_module.py").write_text("import os\ndef where(plan, cursor): return os.getcwd()\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    import late_module

    (outcome,) = ENGINE.run(late_module.where, [Work("plan")])
    assert outcome.value == str(tmp_path)


def test_a_worker_that_cannot_be_started_is_a_resource_error(monkeypatch):
    monkeypatch.setattr(launch.Nursery, "wait", lambda self, number: launch.Exit(1, "Resource temporarily unavailable"))
    with pytest.raises(ResourceError, match="cannot start a worker: Resource temporarily unavailable"):
        list(ENGINE.run(work, [Work("bad", faults={0: "kill"})]))


def test_a_nursery_that_cannot_be_started_is_a_resource_error(monkeypatch):
    cool_down()
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(ResourceError, match="cannot start a process"):
        warm_up()
