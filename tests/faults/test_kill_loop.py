"""Killed at thirty random moments and started again each time: the same bytes as a run that nothing disturbed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks and kills")
KILLS = 30


@pytest.mark.slow
def test_killed_at_thirty_random_moments_the_hashes_are_those_of_an_undisturbed_run(case: Any) -> None:
    case.draw(ash=8, oak=8, elm=8)
    case.write(
        convert={"size": [8, 8], "shard_size": "1 KiB"},
        pack={"dtype": "uint8", "normalize": "none", "shard_size": "1 KiB"},
        execution={"workers": 2},
    )
    program = [sys.executable, Path(__file__).with_name("killing.py"), case.spec, case.output, KILLS]
    done = subprocess.run(
        [*map(str, program)], capture_output=True, text=True, timeout=400, check=False, env=case.environment
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["kills"] == KILLS
    assert found["wrong"] == []
