"""The targets of a loaded split, in memory once they are first asked for: a few bytes for each image."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.manifest import Manifest
from imgprep.dataset.targets import described_targets, read_target_columns
from imgprep.errors import RequestError, one_line
from imgprep.settings.problems import unknown
from imgprep.shards.shard_set import ShardSet
from imgprep.table.targets import Target


class TargetColumns(Mapping[str, NDArray[Any]]):
    """Name -> (N,) or (N, K) values of all images of a split.

    Args:
        targets: to be read.
        shards: of the split.
    """

    __slots__ = ("_columns", "_shards", "targets")

    def __init__(self, targets: Sequence[Target], shards: ShardSet) -> None:
        self.targets = {target.name: target for target in targets}
        self._shards = shards
        self._columns: dict[str, NDArray[Any]] = {}

    def __len__(self) -> int:
        return len(self.targets)

    def __iter__(self) -> Any:
        return iter(self.targets)

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._columns:
            self._columns |= read_target_columns([self.targets[name]], self._shards)
        return self._columns[name]

    def __reduce__(self) -> tuple[object, ...]:
        return TargetColumns, (tuple(self.targets.values()), self._shards)  # each process reads them itself

    def row(self, number: int) -> dict[str, Any]:
        """One image's values: an int, a float, or a new array (K,)."""
        found = {name: self[name][number] for name in self.targets}
        return {name: np.array(value) if np.ndim(value) else value.item() for name, value in found.items()}

    def gather(self, order: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """New arrays of some rows, in that order."""
        return {name: self[name][order] for name in self.targets}


def chosen_targets(folder: Path, manifest: Manifest, names: str | Sequence[str] | None) -> list[Target]:
    """The targets of an index that somebody asks for.

    Raises:
        RequestError: there is no such target.
    """
    known = {target.name: target for target in described_targets(manifest.targets)}
    wanted = [] if names is None else [names] if isinstance(names, str) else list(dict.fromkeys(names))
    for name in wanted:
        if name not in known:
            text = unknown("target", name, list(known)) if known else f"no target {name!r}: its spec has no targets"
            raise RequestError(f"{one_line(folder)}: {text}")
    return [known[name] for name in wanted]
