"""Rows of finished shards, from anywhere in them, without reading the rest."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from imgprep.shards.base import Rows, ShardFormat, ShardReader
from imgprep.stages.tables import Images

OPEN: Final = 32


@dataclass(frozen=True, slots=True)
class Shelf:
    """The shards of some stages.

    Attributes:
        paths: of the shards, stage by stage.
        formats: of each stage.
    """

    paths: tuple[tuple[str, ...], ...]
    formats: tuple[ShardFormat, ...]

    @classmethod
    def of(cls, *stages: Images) -> Self:
        """The shards of finished stages."""
        paths = (tuple(str(images.folder / shard.filename) for shard in images.manifest.shards) for images in stages)
        return cls(tuple(paths), tuple(images.format for images in stages))

    def opened(self) -> "OpenShelf":
        """Opens the shelf for reading images."""
        return OpenShelf(self)


class OpenShelf:
    """The pixels of a shelf; shards are opened when first needed, a bounded number at a time."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._open: OrderedDict[tuple[int, int], tuple[ShardReader, dict[str, Rows]]] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            self._open.popitem()[1][0].close()

    def row(self, stage: int, shard: int, row: int, array: str = "image") -> NDArray[Any]:
        """(H, W, C) one image; or a row of another array."""
        return np.asarray(self.rows(stage, shard, array)[row])

    def rows(self, stage: int, shard: int, array: str = "image") -> Rows:
        """(N, H, W, C) the images of a shard, read when indexed; or another array."""
        key = stage, shard
        if key not in self._open:
            self._open[key] = self._shelf.formats[stage].open(self._shelf.paths[stage][shard]), {}
            if len(self._open) > OPEN:
                self._open.popitem(last=False)[1][0].close()
        self._open.move_to_end(key)
        reader, arrays = self._open[key]
        if array not in arrays:
            arrays[array] = reader.rows(array)
        return arrays[array]
