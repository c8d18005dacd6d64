"""Sizes, and what containers allow."""

import os
from pathlib import Path

import pytest

from imgprep.util.resources import available_cores, available_memory

CORES = available_cores(Path("/nonexistent"))


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_this_machine():
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
    assert available_memory() > 2**20


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", CORES), ("50000 100000", 1), ("100000 100000", 1), ("9999900000 100000", CORES)]
)
def test_quota_of_version_2(tmp_path, quota, cores):
    root = write(tmp_path, {"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": quota})
    assert available_cores(root) == cores


def test_quota_of_version_1_where_only_the_top_is_visible(tmp_path):
    files = {
        "proc/self/cgroup": "3:memory:/docker/x\n2:cpu,cpuacct:/docker/x\n1:cpuset:/\n0::/\n",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "30000\n",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    }
    assert available_cores(write(tmp_path, files)) == 1


def test_a_quota_is_rounded_up(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    root = write(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "250000 100000"})
    assert available_cores(root) == 3


def test_memory_of_version_2(tmp_path):
    files = {
        "proc/meminfo": "MemTotal: 9000 kB\nMemAvailable: 8000 kB\n",
        "proc/self/cgroup": "0::/a\n",
        "sys/fs/cgroup/a/memory.max": "5000000",
        "sys/fs/cgroup/a/memory.current": "3000000",
        "sys/fs/cgroup/a/memory.stat": "anon 1\ninactive_file 1000000\n",
        "sys/fs/cgroup/memory.max": "max",
    }
    assert available_memory(write(tmp_path, files)) == 3_000_000


def test_memory_of_version_1(tmp_path):
    files = {
        "proc/meminfo": "MemAvailable: 8000 kB\n",
        "proc/self/cgroup": "4:memory:/x\n",
        "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "9223372036854771712",
        "sys/fs/cgroup/memory/x/memory.usage_in_bytes": "3000000",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "2000000",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "2500000",
        "sys/fs/cgroup/memory/memory.stat": "total_inactive_file 600000\n",
    }
    assert available_memory(write(tmp_path, files)) == 100_000


def test_memory_of_the_system(tmp_path):
    assert available_memory(write(tmp_path, {"proc/meminfo": "MemAvailable: 8000 kB\n"})) == 8000 * 1024
    assert available_memory(tmp_path / "nothing") > 0
