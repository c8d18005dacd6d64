"""What only worker processes survive."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from imgprep.engines.base import FunctionError
from imgprep.engines.processes import Processes
from imgprep.errors import ResourceError
from tests.support.engine_jobs import LIMIT, Report, Solid, TwoArgumentsError, Work, whole, work

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

ENGINE = Processes(workers=2, item_timeout=20.0, memory_limit=LIMIT)
HASTY = Processes(workers=2, item_timeout=0.3, memory_limit=LIMIT)


def run(engine: Processes, *plans: Work) -> dict[str, Report]:
    outcomes = list(engine.run(work, plans))
    assert [outcome.error for outcome in outcomes] == [None] * len(plans)
    assert sorted(outcome.plan.name for outcome in outcomes) == sorted(plan.name for plan in plans)
    return {outcome.value.name: outcome.value for outcome in outcomes}


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("kill", "decoder died, signal 9"),
        ("segfault", "decoder died, signal 11"),
        ("abort", "decoder died, signal 6"),
        ("exit:3", "decoder died, exit status 3"),
        ("quit:4", "decoder died, exit status 4"),
    ],
)
def test_a_death_costs_one_item(fault, reason):
    reports = run(ENGINE, *(Work(f"good{n}") for n in range(6)), Work("bad", faults={2: fault}))
    assert reports.pop("bad").excluded == {2: reason}
    assert {(report.done, len(report.excluded)) for report in reports.values()} == {(5, 0)}


def test_an_item_whose_worker_was_killed_once_is_not_lost(tmp_path):
    marker = tmp_path / "marker"
    reports = run(ENGINE, Work("killed", faults={2: f"kill-once:{marker}"}), Work("good"))
    assert marker.read_text() == "..."  # killed, tried alone, done with the others
    assert (reports["killed"].excluded, reports["killed"].done) == ({}, 5)


def test_an_item_that_was_late_once_is_not_lost(tmp_path):
    marker = tmp_path / "marker"
    report = run(HASTY, Work("late", faults={2: f"sleep-once:{marker}"}))["late"]
    assert (report.excluded, report.done) == ({}, 5)


def test_a_whole_plan_whose_worker_was_killed_once_is_done_again(tmp_path):
    outcomes = ENGINE.run(whole, [Solid("killed", f"kill-once:{tmp_path / 'marker'}")])
    assert [(outcome.value, outcome.error) for outcome in outcomes] == [("killed", None)]


@pytest.mark.parametrize("fault", ["sleep", "hang-in-c", "hang-in-regex"])
def test_an_item_that_hangs_is_excluded(fault):
    start = time.monotonic()
    reports = run(HASTY, Work("bad", faults={3: fault}), Work("good"))
    assert reports["bad"].excluded == {3: "took longer than 0.3 s"}
    assert time.monotonic() - start > 0.3


def test_the_supervisor_enforces_a_deadline_that_the_kernel_did_not(monkeypatch):
    monkeypatch.setattr("imgprep.engines.supervisor._BACKUP", 0.1)
    assert run(HASTY, Work("bad", faults={1: "hang-deaf"}))["bad"].excluded == {1: "took longer than 0.3 s"}


def test_the_deadline_is_of_an_item_not_of_a_plan():
    plan = Work("plan", items=10, faults=dict.fromkeys(range(10), "sleep:0.05"), ending="sleep:0.4")
    assert run(HASTY, plan)["plan"].excluded == {}


@pytest.mark.slow
def test_a_worker_that_stalls_while_it_processes_no_item_does_not_stall_the_run(monkeypatch):
    monkeypatch.setattr("imgprep.engines.supervisor.QUIET", 0.5)
    outcomes = {outcome.plan.name: outcome for outcome in HASTY.run(work, [Work("bad", ending="sleep"), Work("good")])}
    assert "stalled or died 3 times while it processed no image" in str(outcomes["bad"].error)
    assert outcomes["good"].value.excluded == {}


def test_a_worker_that_loses_its_socket_is_killed():
    assert list(run(HASTY, Work("bad", faults={1: "close-descriptors"}))["bad"].excluded) == [1]


def test_many_deaths_in_one_plan_and_progress():
    told: list[int] = []
    faults = {item: "kill" if item % 3 else "segfault" for item in range(1, 20, 2)}
    (outcome,) = ENGINE.run(work, [Work("bad", items=20, faults=faults)], told.append)
    assert sorted(outcome.value.excluded) == list(range(1, 20, 2))
    assert outcome.plan.excluded == {}
    assert sum(told) == 20


def test_every_plan_dies_and_every_plan_recovers():
    plans = [Work(f"{n}", items=4, faults={n % 4: "kill"}) for n in range(12)]
    reports = run(ENGINE, *plans)
    assert {tuple(reports[f"{n}"].excluded) for n in range(12)} == {(n,) for n in range(4)}
    assert all(tuple(reports[f"{n}"].excluded) == (n % 4,) for n in range(12))


def test_a_plan_is_done_three_times_at_most_however_many_items_are_bad(tmp_path):
    marker = tmp_path / "marker"
    bad = dict.fromkeys(range(5, 60, 6), "segfault")
    faults = {item: bad.get(item, f"count:{marker}") for item in range(60)}
    report = run(ENGINE, Work("plan", items=60, faults=faults))["plan"]
    assert list(report.excluded) == list(bad)
    assert report.done == 50
    assert len(marker.read_text()) <= 3 * 50


def test_a_whole_plan_that_kills_its_worker_fails():
    outcomes = {outcome.plan.name: outcome for outcome in ENGINE.run(whole, [Solid("bad", "abort"), Solid("good")])}
    assert outcomes["good"].value == "good"
    assert isinstance(outcomes["bad"].error, ResourceError)
    assert "cannot be left out: decoder died, signal 6" in str(outcomes["bad"].error)


def test_one_death_outside_an_item_costs_nothing(tmp_path):
    marker = tmp_path / "marker"
    reports = run(ENGINE, Work("bad", ending=f"kill-once:{marker}"), Work("good"))
    assert marker.read_text() == ".."
    assert [dict(report.excluded) for report in reports.values()] == [{}, {}]


def test_many_deaths_outside_an_item_are_an_error():
    outcomes = {outcome.plan.name: outcome for outcome in ENGINE.run(work, [Work("bad", ending="kill"), Work("good")])}
    assert outcomes["good"].error is None
    assert isinstance(outcomes["bad"].error, ResourceError)
    assert "died 3 times while it processed no image, signal 9" in str(outcomes["bad"].error)


def test_the_memory_limit_is_enforced():
    reports = run(
        ENGINE,
        Work("caught", faults={1: "allocate"}),
        Work("careless", faults={2: "allocate-carelessly"}),
        Work("good"),
    )
    assert reports["caught"].notes == ("memory",)
    assert list(reports["careless"].excluded) == [2]
    assert "out of memory" in reports["careless"].excluded[2]
    roomy = Processes(workers=1, memory_limit=4 * LIMIT)
    assert run(roomy, Work("caught", faults={1: "allocate"}))["caught"].notes == ("enough",)


def test_a_worker_is_set_up_for_its_work(capfd):
    (note,) = run(ENGINE, Work("plan", faults={0: "facts", 1: "print"}))["plan"].notes
    session, _, facts = note.partition(" ")
    assert int(session) != os.getsid(0)
    assert facts == "(1, 1, 1) ['SIG_IGN', 'SIG_DFL', 'SIG_DFL'] 1 500 ''"
    assert capfd.readouterr() == ("", "")


def test_workers_do_their_share_and_are_reused():
    reports = run(ENGINE, *(Work(f"{n}", faults={0: "sleep:0.02"}) for n in range(12)))
    assert len({report.pid for report in reports.values()}) == 2


def test_a_plan_is_not_stuck_behind_a_slow_one():
    plans = [Work("slow", faults={0: "sleep:0.5"}), *(Work(f"quick{n}", faults={0: "sleep:0.01"}) for n in range(3))]
    reports = run(ENGINE, *plans)
    slow = reports.pop("slow").pid
    assert slow not in {report.pid for report in reports.values()}


def test_plans_larger_than_a_socket_takes():
    plans = [Work("x" * 1_000_000 + f"{n}", faults={0: "sleep:0.01"}) for n in range(8)]
    assert len(run(ENGINE, *plans)) == 8


def test_values_larger_than_a_socket_takes():
    values = [outcome.value for outcome in ENGINE.run(work, [Work(f"{n}", ending="big") for n in range(6)])]
    assert values == [bytes(3_000_000)] * 6


def test_what_cannot_travel_is_an_error_of_its_plan():
    plans = [
        Work("closed", ending="closed"),
        Work("breaking", ending="breaking"),
        Work("two", faults={0: "two-arguments"}),
        Work("plan", faults={0: lambda: None}),  # type: ignore[dict-item]
        Work("good"),
    ]
    errors = {outcome.plan.name: outcome.error for outcome in ENGINE.run(work, plans)}
    assert errors.pop("good") is None
    assert {type(errors[name]) for name in errors} == {FunctionError}
    assert str(errors["closed"]) == "TypeError: this cannot be pickled"
    assert "no way back" in str(errors["breaking"])
    assert str(errors["two"]) == f"{TwoArgumentsError.__name__}: one two"
    # Each version of Python words it differently; all name what they cannot pickle.
    assert "<lambda>" in str(errors["plan"])


def test_a_function_that_a_worker_cannot_load_says_so(monkeypatch):
    monkeypatch.setattr(work, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "work", work, raising=False)
    (outcome,) = ENGINE.run(work, [Work("plan")])
    assert type(outcome.error) is FunctionError
    assert "define it in a module that can be imported" in str(outcome.error)


def test_a_function_that_cannot_be_pickled_is_refused():
    with pytest.raises(Exception, match="<lambda>"):
        next(ENGINE.run(lambda plan, heartbeat: None, [Work("plan")]))


def test_closing_is_prompt_even_when_a_worker_hangs(children):
    engine = Processes(workers=2)
    outcomes = engine.run(work, [Work("good"), *(Work(f"bad{n}", faults={0: "hang-in-c"}) for n in range(3))])
    next(outcomes)
    start = time.monotonic()
    outcomes.close()
    assert time.monotonic() - start < 1.0
    assert children() == []


PROGRAM = """
import sys
from tests.support.engine_jobs import Work, work
from imgprep.engines.processes import Processes

plans = (Work(f"{n}", faults={0: "sleep:0.02", 1: "hang-in-c" if n > 3 else "sleep:0.01"}) for n in range(100))
try:
    for number, outcome in enumerate(Processes(workers=2, item_timeout=60.0).run(work, plans)):
        print(number, flush=True)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (lambda process: process.kill(), -signal.SIGKILL),
        (lambda process: process.terminate(), -signal.SIGTERM),
        (lambda process: os.killpg(process.pid, signal.SIGINT), 130),
    ],
    ids=["SIGKILL", "SIGTERM", "SIGINT-to-the-group"],
)
def test_no_worker_outlives_the_supervisor(end: Callable[[subprocess.Popen[str]], None], code: int, tmp_path):
    mark = uuid.uuid4().hex
    script = tmp_path / "unguarded.py"
    script.write_text(PROGRAM)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "IMGPREP_TEST_MARK": mark}
    with subprocess.Popen(
        [sys.executable, script], env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(3)] == ["0\n", "1\n", "2\n"]
        assert len(marked(mark)) == 4
        end(process)
        assert process.wait(10) == code
    deadline = time.monotonic() + 3
    while (left := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left == []


def marked(mark: str) -> list[int]:
    """The live processes whose environment has the mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found
