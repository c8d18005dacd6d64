"""What a result was measured with: processor, memory, programs; nothing that names a machine or a person."""

import importlib.metadata
import os
import platform
from contextlib import suppress
from pathlib import Path
from typing import Any

from imgprep.version import __version__

PROGRAMS = ("numpy", "opencv-python-headless", "simplejpeg", "h5py", "pillow")


def facts() -> dict[str, Any]:
    """The machine and what imgprep stands on."""
    versions = {}
    for name in PROGRAMS:
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "imgprep": __version__,
        "native": _native(),
        "programs": versions,
    }


def _native() -> bool:
    """The area resize in C is in use."""
    try:
        importlib.import_module("imgprep._native")
    except ImportError:
        return False
    return os.environ.get("IMGPREP_NATIVE") != "0"


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None
