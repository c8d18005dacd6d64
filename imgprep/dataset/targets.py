"""Targets in finished stages: their entry in ``dataset.json``, and their columns in shards."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from imgprep.table.targets import Columns, Target

if TYPE_CHECKING:
    from imgprep.shards.shard_set import ShardSet

ALL: Final = "all"
"""The split of images that are in none."""
_DEFINING: Final = ("kind", "columns", "dtype", "classes", "missing_index")
"""Members of an entry that are not statistics."""


def described(targets: Sequence[Target], splits: Mapping[str, Columns]) -> dict[str, Any] | None:
    """The member ``targets`` of an index: what each is, and its statistics over all images and in each split.

    Args:
        targets: with their classes.
        splits: split -> its columns; `ALL` alone before the split.

    Returns:
        None without targets. A target is described by ``kind``, ``columns`` of the table, ``dtype``, ``classes`` in
        index order unless it is a number, ``missing_index`` where images may lack a category, `Target.statistics`, and
        ``splits``: the statistics of each.
    """
    if not targets:
        return None
    found = {}
    for target in targets:
        parts = {split: columns[target.name] for split, columns in splits.items()}
        entry: dict[str, Any] = {"kind": target.kind, "columns": list(target.columns), "dtype": target.dtype.name}
        if target.kind != "number":
            entry["classes"] = list(target.classes)
        if target.ignore_missing:
            entry["missing_index"] = target.missing_index
        entry |= target.statistics(np.concatenate([_none(target), *parts.values()]))
        if parts.keys() != {ALL}:
            entry["splits"] = {split: target.statistics(array) for split, array in parts.items()}
        found[target.name] = entry
    return found


def joined_columns(parts: Iterable[tuple[str, Columns]]) -> dict[str, Columns]:
    """Split -> its columns, of parts with their splits in order."""
    gathered: dict[str, list[Columns]] = {}
    for split, columns in parts:
        gathered.setdefault(split, []).append(columns)
    return {
        split: {name: np.concatenate([columns[name] for columns in several]) for name in several[0]}
        for split, several in gathered.items()
    }


def _none(target: Target) -> NDArray[Any]:
    """The column of no image."""
    return np.zeros((0, *target.row_shape), target.dtype)


def described_targets(entries: Mapping[str, Any] | None) -> tuple[Target, ...]:
    """The targets that an index describes."""
    return tuple(
        Target(
            name,
            entry["kind"],
            tuple(entry["columns"]),
            classes=tuple(entry.get("classes", ())),
            ignore_missing="missing_index" in entry,
        )
        for name, entry in (entries or {}).items()
    )


def definitions(entries: Mapping[str, Any] | None) -> dict[str, Any]:
    """The targets as an index describes them, without the statistics."""
    return {
        name: {key: value for key, value in entry.items() if key in _DEFINING}
        for name, entry in (entries or {}).items()
    }


def explained_targets(targets: Iterable[Target]) -> str:
    """Kind and classes of each target as JSON, for the attributes of a shard."""
    told = {each.name: {"kind": each.kind} | ({"classes": each.classes} if each.classes else {}) for each in targets}
    return json.dumps(told, ensure_ascii=False)


def read_target_columns(targets: Sequence[Target], shards: "ShardSet") -> dict[str, NDArray[Any]]:
    """All rows of the columns of targets, shard after shard.

    Raises:
        SourceError: a shard is damaged, or lacks a column.
    """
    return {
        target.name: np.concatenate(
            [_none(target), *(shards.array(number, target.name) for number in range(len(shards)))]
        )
        for target in targets
    }
