"""Cores and memory available to this process, within the limits of its container."""

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

_ROOT: Final = Path("/")
_FALLBACK_MEMORY: Final = 2 * 1024**3


def available_cores(root: Path = _ROOT) -> int:
    """The number of cores for this process: its CPU affinity and the quotas of its control groups, rounded up.

    Args:
        root: where /proc and /sys are.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = min((_quota(folder) for folder in _groups(root, "cpu")), default=math.inf)
    return max(1, math.ceil(quota) if quota < cores else cores)


def available_memory(root: Path = _ROOT) -> int:
    """Bytes that can be allocated within the memory of the system and the limits of the control groups.

    Args:
        root: where /proc and /sys are.
    """
    rooms = [_room(folder) for folder in _groups(root, "memory")]
    return int(max(0, min([_system_memory(root), *rooms])))


def _quota(folder: Path) -> float:
    """Cores that a control group may use at once; infinite when it has no quota."""
    limit, _, period = _text(folder / "cpu.max").partition(" ")
    if not limit:
        limit, period = _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")
    if not limit.isdigit() or not period.isdigit() or int(period) == 0:
        return math.inf
    return int(limit) / int(period)


def _room(folder: Path) -> float:
    """Bytes that a control group may still allocate; its file cache counts as free."""
    for limit, used, files in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        maximum, current = _text(folder / limit), _text(folder / used)
        if maximum.isdigit() and current.isdigit():
            return int(maximum) - int(current) + _field(folder / "memory.stat", files)
    return math.inf


def _system_memory(root: Path) -> float:
    available = _field(root / "proc/meminfo", "MemAvailable:") * 1024
    if available:
        return available
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return _FALLBACK_MEMORY


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of this process's control groups for a controller, v1 or v2, with their parents.

    Inside a container the path may be that of the host; then only the top, which is the container's own, exists.
    """
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / (controller if controllers else "")
        group = PurePosixPath(path)
        for folder in (group, *group.parents):
            yield top / str(folder).lstrip("/")


def _field(path: Path, name: str) -> int:
    """The number after a name in a file of names and numbers; 0 when there is none."""
    for line in _text(path).splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == name and words[1].isdigit():
            return int(words[1])
    return 0


def _text(path: Path) -> str:
    """The text of a small file; '' when it cannot be read."""
    try:
        return path.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""
