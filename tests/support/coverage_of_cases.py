"""Branch coverage of the first case of each test: a debugger's hook makes all Python code two to three times as slow.

The cases of a parametrised test call the same functions with other values. All of them run and all are judged; which
lines are executed is recorded while the first one runs, with the fixtures that it shares with the others.
"""

import os
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest


def unmeasured() -> dict[str, str]:
    """The environment without coverage, whose own files would count, and fail, where space and steps are limited."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


@contextmanager
def paused() -> Iterator[None]:
    """Meanwhile coverage records nothing, neither in this process nor in those that it starts."""
    coverage = sys.modules.get("coverage")
    current = coverage and coverage.Coverage.current()
    if not current:
        yield
        return
    kept = {name: os.environ.pop(name) for name in os.environ.keys() - unmeasured().keys()}
    current.stop()
    try:
        yield
    finally:
        current.start()
        os.environ.update(kept)


class FirstCases:
    """A plugin of pytest: coverage is paused in each case of a test but the first that this process runs."""

    def __init__(self) -> None:
        self._begun: set[str] = set()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Set-up, call and tear-down of one case."""
        test = item.nodeid.partition("[")[0]
        if test not in self._begun:
            self._begun.add(test)
            return (yield)
        with paused():
            return (yield)
