"""The shared cursor."""

import os
import signal
import sys

import pytest

from imgprep.engines.cursor import FINISHED, ITEM, SERIAL, SharedCursor, map_slots, slack, slot_file

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no interval timers")


@pytest.fixture
def slots():
    descriptor = slot_file()
    try:
        yield map_slots(descriptor), map_slots(descriptor)
    finally:
        os.close(descriptor)


def test_what_one_map_writes_the_other_reads(slots):
    ours, theirs = slots
    cursor = SharedCursor(theirs, 20.0, os.getppid())
    cursor.start(7)
    assert (ours[SERIAL], ours[ITEM], ours[FINISHED]) == (7, -1, 0)
    cursor.at(3)
    cursor.at(5)
    assert (ours[ITEM], ours[FINISHED]) == (5, 1)
    cursor.done()
    assert (ours[ITEM], ours[FINISHED]) == (-1, 2)


def test_the_timer_runs_only_while_an_item_is_in_hand(slots):
    cursor = SharedCursor(slots[0], 20.0, os.getppid())
    cursor.start(1)
    cursor.at(0)
    left, _ = signal.getitimer(signal.ITIMER_REAL)
    assert 20.0 < left <= 22.0
    cursor.at(1)
    cursor.done()
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_orphan_ends(slots, monkeypatch):
    def leave(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(os, "_exit", leave)
    cursor = SharedCursor(slots[0], 20.0, parent=-1)
    with pytest.raises(SystemExit):
        cursor.at(0)
    cursor.done()


@pytest.mark.parametrize(("timeout", "late"), [(0.1, 0.05), (1.0, 0.1), (30.0, 3.0)])
def test_slack(timeout, late):
    assert slack(timeout) == pytest.approx(late)
