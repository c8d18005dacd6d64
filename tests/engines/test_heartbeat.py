"""The shared heartbeat."""

import os
import signal
import sys

import pytest

from imgprep.engines.heartbeat import FINISHED, ITEM, SERIAL, SharedHeartbeat, map_slots, slack, slot_file

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
    heartbeat = SharedHeartbeat(theirs, 20.0, os.getppid())
    heartbeat.start(7)
    assert (ours[SERIAL], ours[ITEM], ours[FINISHED]) == (7, -1, 0)
    heartbeat.at(3)
    heartbeat.at(5)
    assert (ours[ITEM], ours[FINISHED]) == (5, 1)
    heartbeat.done()
    assert (ours[ITEM], ours[FINISHED]) == (-1, 2)


def test_the_timer_runs_only_while_an_item_is_in_hand(slots):
    heartbeat = SharedHeartbeat(slots[0], 20.0, os.getppid())
    heartbeat.start(1)
    heartbeat.at(0)
    left, _ = signal.getitimer(signal.ITIMER_REAL)
    assert 20.0 < left <= 22.0
    heartbeat.at(1)
    heartbeat.done()
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_orphan_ends(slots, monkeypatch):
    def leave(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(os, "_exit", leave)
    heartbeat = SharedHeartbeat(slots[0], 20.0, parent=-1)
    with pytest.raises(SystemExit):
        heartbeat.at(0)
    heartbeat.done()


@pytest.mark.parametrize(("timeout", "late"), [(0.1, 0.05), (1.0, 0.1), (30.0, 3.0)])
def test_slack(timeout, late):
    assert slack(timeout) == pytest.approx(late)
