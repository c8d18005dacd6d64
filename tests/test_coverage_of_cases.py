"""All cases of a test run, one of them is measured."""

import os
import sys
from types import SimpleNamespace

import pytest

from tests.support.coverage_of_cases import FirstCases


@pytest.fixture
def recorded(monkeypatch):
    """What is done with coverage, while every case says whether its processes would be measured."""
    done = []
    current = SimpleNamespace(stop=lambda: done.append("stop"), start=lambda: done.append("start"))
    coverage = SimpleNamespace(Coverage=SimpleNamespace(current=lambda: current))
    monkeypatch.setitem(sys.modules, "coverage", coverage)
    monkeypatch.setenv("COVERAGE_PROCESS_CONFIG", "{}")
    return done


def run(plugin, nodeid):
    """One case; gives its processes' variable of coverage."""
    step = plugin.pytest_runtest_protocol(SimpleNamespace(nodeid=nodeid))
    next(step)
    seen = os.environ.get("COVERAGE_PROCESS_CONFIG")
    with pytest.raises(StopIteration, match="outcome"):
        step.send("outcome")
    return seen


def test_the_first_case_of_each_test_is_measured(recorded):
    plugin = FirstCases()
    assert run(plugin, "tests/test_a.py::test_one[1]") == "{}"
    assert run(plugin, "tests/test_a.py::test_two") == "{}"
    assert recorded == []
    assert run(plugin, "tests/test_a.py::test_one[2]") is None
    assert recorded == ["stop", "start"]
    assert os.environ["COVERAGE_PROCESS_CONFIG"] == "{}"


def test_without_coverage_nothing_is_done(monkeypatch):
    monkeypatch.delitem(sys.modules, "coverage", raising=False)
    plugin = FirstCases()
    monkeypatch.setenv("COVERAGE_PROCESS_CONFIG", "{}")
    assert [run(plugin, "tests/test_a.py::test_one[1]") for _ in range(2)] == ["{}", "{}"]
