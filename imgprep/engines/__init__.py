"""Engines: where plans are run. `ENGINES` is the table of them."""

from typing import Any, Final

from imgprep.engines.base import Engine, Settings
from imgprep.util.lazy_table import LazyTable

__all__ = ["ENGINES", "Engine", "Settings", "isolating"]

ENGINES: Final = LazyTable[type[Any]](
    {
        "serial": "imgprep.engines.serial:Serial",
        "threads": "imgprep.engines.threads:Threads",
        "processes": "imgprep.engines.processes:Processes",
        "dask": "imgprep.engines.dask:Dask",
        "ray": "imgprep.engines.ray:Ray",
    }
)


def isolating(settings: Settings) -> Engine:
    """The engine that outlives what it reads, for whoever has no spec that names one."""
    engine: Engine = ENGINES["processes"](settings.workers, settings.item_timeout, settings.memory_limit)
    return engine
