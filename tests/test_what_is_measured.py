"""All cases of a test run; they are measured where they are fast, until they have taken a second together."""

import os
import sys
from types import SimpleNamespace

import pytest

from tests.support import what_is_measured
from tests.support.what_is_measured import Measured


@pytest.fixture
def recorded(monkeypatch):
    """What is done with coverage, while every case says whether its processes would be measured."""
    done = []
    current = SimpleNamespace(stop=lambda: done.append("stop"), start=lambda: done.append("start"))
    coverage = SimpleNamespace(Coverage=SimpleNamespace(current=lambda: current))
    monkeypatch.setitem(sys.modules, "coverage", coverage)
    monkeypatch.setenv("COVERAGE_PROCESS_CONFIG", "{}")
    return done


@pytest.fixture
def takes(monkeypatch):
    """Sets how long the next cases take, in seconds of processor time."""
    clock = SimpleNamespace(now=0.0, step=0.0)

    def processor_time():
        clock.now += clock.step / 2  # it is asked before and after
        return clock.now

    monkeypatch.setattr(what_is_measured, "processor_time", processor_time)
    return lambda seconds: setattr(clock, "step", 2 * seconds)


def run(plugin, nodeid, *marks):
    """One case; gives its processes' variable of coverage."""
    item = SimpleNamespace(nodeid=nodeid, get_closest_marker=lambda name: name in marks)
    step = plugin.pytest_runtest_protocol(item)
    next(step)
    seen = os.environ.get("COVERAGE_PROCESS_CONFIG")
    with pytest.raises(StopIteration, match="outcome"):
        step.send("outcome")
    return seen


def test_a_test_is_measured_until_its_cases_have_had_a_second(recorded, takes):
    plugin = Measured()
    takes(0.6)
    assert [run(plugin, f"tests/test_a.py::test_one[{case}]") for case in range(4)] == ["{}", "{}", None, None]
    assert recorded == ["stop", "start"] * 2
    assert run(plugin, "tests/test_a.py::test_two") == "{}"
    assert os.environ["COVERAGE_PROCESS_CONFIG"] == "{}"


def test_slow_tests_are_not_measured(recorded):
    assert run(Measured(), "tests/test_a.py::test_one", "slow") is None
    assert recorded == ["stop", "start"]


def test_a_process_ends_however_often_coverage_was_paused(recorded, monkeypatch):
    leave = os._exit
    current = sys.modules["coverage"].Coverage.current()
    monkeypatch.setattr(current, "start", lambda: monkeypatch.setattr(os, "_exit", lambda status: None))
    with what_is_measured.paused():
        pass
    assert os._exit is leave


def test_without_coverage_nothing_is_done(monkeypatch, takes):
    monkeypatch.delitem(sys.modules, "coverage", raising=False)
    monkeypatch.setenv("COVERAGE_PROCESS_CONFIG", "{}")
    takes(9)
    plugin = Measured()
    assert [run(plugin, "tests/test_a.py::test_one[1]") for _ in range(2)] == ["{}", "{}"]
