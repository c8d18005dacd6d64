"""The ways to start workers."""

import gc
import os
import signal
import sys

import pytest

from imgprep.engines import ENGINES, launch
from imgprep.engines.processes import Processes
from imgprep.errors import ImageError, ResourceError
from tests.support.engine_jobs import LIMIT, Work, work

ENGINE = Processes(workers=2, item_timeout=20.0, memory_limit=LIMIT)
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def test_workers_that_start_from_nothing(monkeypatch):
    monkeypatch.setattr(launch, "can_fork", lambda: False)
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
def test_the_fork_server_is_kept_and_found_again(children):
    engine = Processes(workers=2)
    assert children() == []
    engine.prepare()
    engine.prepare()
    (server,) = children()
    for _ in range(2):
        assert len(list(engine.run(work, [Work("plan")]))) == 1
        assert children() == [server]
    engine.close()
    assert children() == []


@needs_proc
def test_the_fork_server_ends_with_its_engine(children):
    engine = Processes(workers=1)
    engine.prepare()
    assert len(children()) == 1
    del engine
    gc.collect()
    assert children() == []


@pytest.mark.parametrize("name", ["serial", "threads"])
def test_engines_without_processes_start_none(children, name):
    engine = ENGINES[name]()
    engine.prepare()
    assert len(list(engine.run(work, [Work("plan")]))) == 1
    assert children() == []
    engine.close()


@needs_proc
def test_a_kept_fork_server_that_died_is_replaced(children):
    engine = Processes(workers=2)
    engine.prepare()
    (server,) = children()
    os.kill(server, signal.SIGKILL)
    os.waitid(os.P_PID, server, os.WEXITED | os.WNOWAIT)
    assert next(engine.run(work, [Work("plan")])).error is None
    engine.close()


@needs_proc
def test_the_death_of_the_fork_server_ends_the_run(children):
    engine = Processes(workers=2)
    engine.prepare()
    (server,) = children()
    outcomes = engine.run(work, [Work("good"), Work("slow", faults={1: "sleep"})])
    assert next(outcomes).plan.name == "good"
    os.kill(server, signal.SIGKILL)
    with pytest.raises(ResourceError, match="exit status -9"):
        list(outcomes)
    assert children() == []


@needs_proc
def test_a_fork_of_the_program_leaves_the_fork_server_alone(run_python):
    program = (
        "import os, imgprep.engines as e\n"
        "engine = e.ENGINES['processes']()\n"
        "engine.prepare()\n"
        "kept = engine.launchers._idle[0]\n"
        "if os.fork() == 0:\n"
        "    engine.close()\n"
        "    os._exit(int(kept.usable()))\n"
        "print(os.waitstatus_to_exitcode(os.wait()[1]), kept.usable())\n"
    )
    assert run_python(program) == "0 True\n"


@needs_proc
def test_workers_find_the_path_and_folder_of_the_moment(tmp_path, monkeypatch):
    engine = Processes(workers=2)
    engine.prepare()
    (tmp_path / "late_module.py").write_text("import os\ndef where(plan, heartbeat): return os.getcwd()\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    import late_module

    (outcome,) = engine.run(late_module.where, [Work("plan")])
    assert outcome.value == str(tmp_path)
    engine.close()


def test_a_worker_that_cannot_be_started_is_a_resource_error(monkeypatch):
    monkeypatch.setattr(
        launch.ForkServer, "wait", lambda self, number: launch.Exit(1, "Resource temporarily unavailable")
    )
    with pytest.raises(ResourceError, match="cannot start a worker: Resource temporarily unavailable"):
        list(ENGINE.run(work, [Work("bad", faults={0: "kill"})]))


def test_a_fork_server_that_cannot_be_started_is_a_resource_error(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(ResourceError, match="cannot start a process"):
        Processes(workers=1).prepare()


@pytest.mark.parametrize(
    ("platform", "missing", "forks"), [("linux", None, True), ("darwin", None, False), ("win32", "fork", False)]
)
def test_workers_are_forked_where_that_is_safe(monkeypatch, platform, missing, forks):
    monkeypatch.setattr(sys, "platform", platform)
    if missing:
        monkeypatch.delattr(os, missing)
    assert launch.can_fork() is forks
