"""Turns the shards of an index into a `ShardSet`."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np

from imgprep.dataset.manifest import Manifest, ShardEntry
from imgprep.errors import RequestError, SourceError, one_line
from imgprep.shards.shard_set import Shard, ShardSet, format_of
from imgprep.storage.cache import CachedObject
from imgprep.util.addresses import address_of

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


def shards_of(
    folder: Path, manifest: Manifest, entries: Iterable[ShardEntry] | None = None, cache_size: int | None = None
) -> ShardSet:
    """The shards of a finished stage; nothing is opened yet.

    Args:
        folder: of the stage.
        manifest: its index.
        entries: the shards to include; None for all.
        cache_size: bytes that the cache of a dataset in an object store may have; None for the usual limit.

    Raises:
        RequestError: the stage holds neither images nor features, or the index lists a file that is not a shard.
    """
    rows = manifest.rows
    if rows is None:
        raise RequestError(f"{folder}: the stage {manifest.stage} holds no images; load convert or pack")
    chosen = manifest.shards if entries is None else entries
    dtype = np.dtype(rows.dtype)
    shards = []
    for entry in chosen:
        path, origin = _path(folder, entry.filename), _origin(folder, entry, cache_size)
        shape = (entry.samples, *rows.shape)
        shards.append(Shard(path if origin is None else str(origin.path), shape, dtype, rows.array, origin))
    return ShardSet(shards)


def _origin(folder: Path, entry: ShardEntry, cache_size: int | None) -> CachedObject | None:
    """Where a shard is to be fetched from; None for one on disk."""
    address = address_of(folder)
    if address is None:
        return None
    if not _SHA256.fullmatch(entry.sha256):
        raise RequestError(
            f"{one_line(folder)}: dataset.json has no SHA-256 of {one_line(entry.filename)}; make it again"
        )
    return CachedObject(address._replace(key=f"{address.key}/{entry.filename}"), entry.sha256, cache_size)


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
