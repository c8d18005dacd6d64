"""A shard format: npz by another name."""

from dataclasses import dataclass
from typing import ClassVar

import imgprep.shards
from imgprep.shards.npz import NpzFormat


@dataclass(frozen=True, slots=True)
class ZipFormat(NpzFormat):
    """Arrays in a zip file."""

    name: ClassVar[str] = "zip"
    suffix: ClassVar[str] = ".zip"


def register() -> None:
    imgprep.shards.FORMATS = {**imgprep.shards.FORMATS, "zip": ZipFormat()}  # type: ignore[misc, assignment]
