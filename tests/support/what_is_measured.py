"""Branch coverage of the fast tests: its hook makes all Python code two to three times as slow.

The cases of a parametrised test call the same functions with other values. All of them run and all are judged; which
lines are executed is recorded until they have taken a second together. What runs the whole program passes through most
lines without a look at what they do, so the tests marked slow do not count. The tests are looked for without the hook,
too, after all modules were imported with it.
"""

import importlib
import os
import pkgutil
import sys
from collections import defaultdict
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import pytest

ENOUGH: Final = 1.0
"""Seconds of processor time that the cases of a test are measured for; the last one of them to its end."""


def unmeasured() -> dict[str, str]:
    """The environment without coverage, whose own files would count, and fail, where space and steps are limited."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def measuring() -> Any:
    """The measurement of this process, if there is one."""
    coverage = sys.modules.get("coverage")
    return coverage and coverage.Coverage.current()


def import_all() -> None:
    """Imports every module of the package, but for those of libraries that are not here."""
    package = importlib.import_module("imgprep")
    for module in pkgutil.walk_packages(package.__path__, "imgprep."):
        if not module.name.endswith("__main__"):
            with suppress(ImportError):
                importlib.import_module(module.name)


@contextmanager
def paused() -> Iterator[None]:
    """Meanwhile coverage records nothing, neither in this process nor in those that it starts."""
    current = measuring()
    if not current:
        yield
        return
    kept = {name: os.environ.pop(name) for name in os.environ.keys() - unmeasured().keys()}
    current.stop()
    try:
        yield
    finally:
        leave = os._exit
        current.start()
        os._exit = leave  # every start wraps it once more: after a thousand of them a forked process could not end
        os.environ.update(kept)


def processor_time() -> float:
    """Seconds that this process and those that it has waited for have taken."""
    return sum(os.times()[:4])


class Measured:
    """A plugin of pytest: coverage is paused in slow tests, and in the further cases of one that has had its time."""

    def __init__(self) -> None:
        self._taken: defaultdict[str, float] = defaultdict(float)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> Generator[None, Any, Any]:
        """The search for the tests, in each process that runs some."""
        if measuring() and not session.config.getoption("numprocesses", None):
            import_all()
        with paused():
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Set-up, call and tear-down of one case."""
        test = item.nodeid.partition("[")[0]
        if self._taken[test] > ENOUGH or item.get_closest_marker("slow"):
            with paused():
                return (yield)
        start = processor_time()
        try:
            return (yield)
        finally:
            self._taken[test] += processor_time() - start
