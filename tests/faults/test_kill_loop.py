"""Killed at thirty random moments and started again each time: the same bytes as a run that nothing disturbed."""

import random
import shutil
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kills process groups")
KILLS = 30


@pytest.mark.slow
def test_killed_at_thirty_random_moments_the_hashes_are_those_of_an_undisturbed_run(case: Any, new_case: Any) -> None:
    case.draw(ash=8, oak=8, elm=8)
    sections = {
        "convert": {"size": [8, 8], "shard_size": "1 KiB"},
        "pack": {"dtype": "uint8", "normalize": "none", "shard_size": "1 KiB"},
        "execution": {"workers": 2},
    }
    case.write(**sections)
    start = time.monotonic()
    done = case.run("run", case.spec)
    whole = time.monotonic() - start
    assert done.returncode == 0, done.stderr
    reference = case.content()
    shutil.rmtree(case.output)
    moments, kills, finished = random.Random(30), 0, 0
    while kills < KILLS:
        with case.start("run", case.spec, start_new_session=True) as process:
            try:
                process.communicate(timeout=moments.uniform(0.1, whole))
                finished += 1
                assert process.returncode == 0
                assert case.content() == reference
                shutil.rmtree(case.output)
            except subprocess.TimeoutExpired:
                kills += 1
                process.send_signal(signal.SIGKILL)
        complete = {name: content for name, content in case.content().items() if "/.tmp-" not in name}
        assert complete.items() <= reference.items(), "a file has its final name but not its final content"
    done = case.run("run", case.spec)
    assert done.returncode == 0, done.stderr
    assert case.content() == reference
    assert not case.leftovers()
