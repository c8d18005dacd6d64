"""Turns the shards of an index into a `ShardSet`."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from imgprep.dataset.manifest import Manifest, ShardEntry
from imgprep.errors import RequestError, SourceError, one_line
from imgprep.shards.shard_set import Shard, ShardSet, format_of


def shards_of(folder: Path, manifest: Manifest, entries: Iterable[ShardEntry] | None = None) -> ShardSet:
    """The shards of a finished stage; nothing is opened yet.

    Args:
        folder: of the stage.
        manifest: its index.
        entries: the shards to include; None for all.

    Raises:
        RequestError: the stage holds neither images nor features, or the index lists a file that is not a shard.
    """
    rows = manifest.rows
    if rows is None:
        raise RequestError(f"{folder}: the stage {manifest.stage} holds no images; load convert or pack")
    chosen = manifest.shards if entries is None else entries
    dtype = np.dtype(rows.dtype)
    return ShardSet(
        [Shard(_path(folder, entry.filename), (entry.samples, *rows.shape), dtype, rows.array) for entry in chosen]
    )


def _path(folder: Path, name: str) -> str:
    try:
        format_of(name)
        known = name not in {"", ".", ".."} and not {"/", "\\", "\0"} & set(name)
    except SourceError:
        known = False
    if not known:
        raise RequestError(
            f"{folder}: {one_line(name)!r} in dataset.json is no name of a shard; write the dataset again"
        )
    return str(folder / name)
