import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import pytest

from imgprep.cli.width import asked_width, width_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are of POSIX")


@pytest.fixture
def terminal() -> Iterator[Callable[[int], TextIO]]:
    """Opens a pseudo-terminal of so many columns."""
    import fcntl
    import struct
    import termios

    opened: list[TextIO] = []
    ends: list[int] = []

    def make(columns: int) -> TextIO:
        near, far = os.openpty()
        fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        opened.append(os.fdopen(far, "w"))
        ends.append(near)
        return opened[-1]

    yield make
    for stream in opened:
        stream.close()
    for end in ends:
        os.close(end)


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_terminal_has_the_width_that_it_says(
    terminal: Callable[[int], TextIO], columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert width_of(terminal(columns)) == columns


def test_columns_come_first_and_a_width_of_nothing_is_none(
    terminal: Callable[[int], TextIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "72")
    assert width_of(terminal(120)) == 72
    monkeypatch.delenv("COLUMNS")
    assert width_of(terminal(0)) is None


@pytest.mark.parametrize("text", ["", "0", "-4", "wide", "60.5", "100000"])
def test_columns_that_say_nothing(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", text)
    assert asked_width() is None


def test_files_and_closed_streams_have_no_width(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    with (tmp_path / "out.txt").open("w") as file:
        assert width_of(file) is None
    assert width_of(file) is None
