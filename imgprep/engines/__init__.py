"""Engines: where plans are run. `ENGINES` is the table of them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from imgprep.engines.base import Engine, Settings
from imgprep.engines.dask import Dask
from imgprep.engines.processes import Processes
from imgprep.engines.ray import Ray
from imgprep.engines.serial import Serial
from imgprep.engines.threads import Threads

__all__ = ["ENGINES", "Engine", "Settings", "isolating"]

ENGINES: Final[Mapping[str, type[Serial | Threads | Processes | Dask | Ray]]] = MappingProxyType(
    {"serial": Serial, "threads": Threads, "processes": Processes, "dask": Dask, "ray": Ray}
)


def isolating(settings: Settings) -> Engine:
    """The engine that outlives what it reads, for whoever has no spec that names one."""
    return Processes(settings.workers, settings.item_timeout, settings.memory_limit)
