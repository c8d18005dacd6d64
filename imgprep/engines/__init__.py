"""Engines: where plans are run. `ENGINES` is the table of them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from imgprep.engines.base import Engine, Settings
from imgprep.engines.launch import cool_down, warm_up
from imgprep.engines.processes import Processes
from imgprep.engines.serial import Serial
from imgprep.engines.threads import Threads

__all__ = ["ENGINES", "Engine", "Settings", "cool_down", "warm_up"]

ENGINES: Final[Mapping[str, type[Serial] | type[Threads] | type[Processes]]] = MappingProxyType(
    {"serial": Serial, "threads": Threads, "processes": Processes}
)
