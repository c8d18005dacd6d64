"""Work that takes too long ends."""

import re
import signal
import threading
import time

import pytest

from imgprep.util import time_limit
from imgprep.util.time_limit import TooSlowError, map_in_time

needs_alarms = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs alarms")
ENDLESS = re.compile("(?:a+)+!")


def test_items_come_in_order_over_several_batches() -> None:
    assert list(map_in_time(str, range(2500))) == [str(number) for number in range(2500)]
    assert list(map_in_time(str, [])) == []


@needs_alarms
def test_a_search_without_end_is_ended_and_names_the_item(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_limit, "SECONDS", 0.05)
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(TooSlowError, match=r"takes over 0\.05 s") as caught:
        list(map_in_time(ENDLESS.search, ["b", "a" * 60, "c"]))
    assert caught.value.item == "a" * 60
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


@needs_alarms
def test_only_the_work_inside_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_limit, "SECONDS", 0.05)
    for _ in map_in_time(str, range(2)):
        time.sleep(0.06)


def test_other_threads_have_no_limit_and_work() -> None:
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.extend(map_in_time(str, [1, 2])))
    thread.start()
    thread.join()
    assert found == ["1", "2"]
