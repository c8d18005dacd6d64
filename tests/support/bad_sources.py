"""Sources that do to whoever lists them what malformed containers do to HDF5."""

import ctypes
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from imgprep.arrays.progress_hook import step
from imgprep.sources.base import Pixels, Source
from imgprep.table.sample import Sample


@dataclass(frozen=True, slots=True)
class Bad(Source):
    """Holds three images, and a fault before the last of them."""

    layout: ClassVar[str] = "bad"

    path: Path
    fault: str = ""

    @property
    def isolated(self) -> bool:
        return True

    def samples(self) -> Iterator[Sample]:
        for row in range(3):
            step()
            if row == 2 and self.fault:
                FAULTS[self.fault](self.path)
            yield Sample(f"{row}", f"{row}", f"{os.getpid()}")

    def read(self, sample: Sample) -> Pixels:
        raise NotImplementedError


def _crash(_: Path) -> None:
    ctypes.string_at(0)


def _hang(_: Path) -> None:
    ctypes.PyDLL(None).sleep(60)


def _devour(_: Path) -> None:
    bytearray(1 << 40)


def _slow(_: Path) -> None:
    for _ in range(8):
        time.sleep(0.1)
        step()


FAULTS: Mapping[str, Callable[[Path], None]] = {
    "crash": _crash,
    "hang": _hang,
    "devour": _devour,
    "slow": _slow,
}
