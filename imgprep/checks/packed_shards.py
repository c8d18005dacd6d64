"""The evidence of a packed dataset: the arrays of every shard, read in the workers, and its index."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from imgprep.checks.packed import Fitted, Packed, PackedIndex, ShardFacts, shard_facts
from imgprep.dataset.manifest import Manifest, ShardEntry
from imgprep.engines.base import Heartbeat, WholePlan
from imgprep.pipeline.runner import RunContext, results
from imgprep.shards.shard_set import groups_of, open_shard
from imgprep.transforms.normalize import FITTED

WHAT: Final = "packed values"
TRAIN: Final = "train"
CENTERED: Final = 0.01
"""Largest distance from 0 of the mean of standardised images (float16, rounding); of centred ones, times max."""


@dataclass(frozen=True, slots=True)
class EntryPlan(WholePlan):
    """One shard that the index lists, read whole."""

    entry: ShardEntry


class Inspected(NamedTuple):
    """The content of a shard.

    Attributes:
        facts: one for each group of arrays; a flat shard is one group.
        originals: the sum of all finite values of images that are no copies of others, and how many they are.
        copies: the same of copies.
    """

    facts: tuple[ShardFacts, ...]
    originals: tuple[float, int]
    copies: tuple[float, int]


@dataclass(frozen=True, slots=True)
class InspectJob:
    """Reads the shards of a folder."""

    folder: Path

    def __call__(self, plan: EntryPlan, heartbeat: Heartbeat) -> Inspected:
        """Reads one shard; a class is in memory at a time where the layout has groups.

        Raises:
            SourceError: it is damaged.
        """
        entry = plan.entry
        heartbeat.at(0)
        facts, totals = [], [(0.0, 0), (0.0, 0)]
        with open_shard(str(self.folder / entry.filename)) as shard:
            for start in groups_of(shard):
                arrays = {key: shard.read(start + key) for key in ("image", "label", "id", "parent")}
                facts.append(shard_facts(f"{start}{entry.filename}", entry.split or "", arrays))
                copies = np.array([bool(parent) for parent in arrays["parent"].tolist()], bool)
                for place, mine in enumerate((arrays["image"][~copies], arrays["image"][copies])):
                    finite = mine[np.isfinite(mine)]
                    total, values = totals[place]
                    totals[place] = total + float(finite.sum(dtype=np.float64)), values + finite.size
        heartbeat.done()
        return Inspected(tuple(facts), *totals)


def read_packed(context: RunContext, folder: Path, manifest: Manifest) -> Packed:
    """The evidence of a packed dataset.

    Args:
        context: with the engine that reads the shards.
        folder: of the dataset.
        manifest: its index.

    Raises:
        SourceError: a shard is damaged.
    """
    shards = list(inspected(context, folder, manifest))
    train = [shard for split, shard in shards if split == TRAIN]
    return Packed(_index(manifest, train), [fact for _, shard in shards for fact in shard.facts])


def inspected(context: RunContext, folder: Path, manifest: Manifest) -> Iterator[tuple[str, Inspected]]:
    """Reads every shard of a packed dataset; gives the split and what is in it, in the order of the index."""
    plans = [EntryPlan(entry) for entry in manifest.shards]
    found = dict(results(context, InspectJob(folder), plans, WHAT, len(plans), "shards"))
    return ((plan.entry.split or "", found[plan]) for plan in plans)


def _index(manifest: Manifest, train: Sequence[Inspected]) -> PackedIndex:
    """The statements of dataset.json."""
    normalization = manifest.normalization or {}
    kind = str(normalization.get("kind", "none"))
    values = {
        "none": (0.0, float(normalization.get("max", 255))),
        "unit": (0.0, 1.0),
        "symmetric": (-1.0, 1.0),
        "minmax": (0.0, 1.0),
    }.get(kind)
    fitted = _fitted(normalization, train) if kind in FITTED else None
    image = manifest.image
    counts = {split: count for split, count in manifest.counts.items() if split in manifest.splits()}
    return PackedIndex(manifest.classes, counts, image.dtype if image else "", values, fitted)


def _fitted(normalization: Mapping[str, Any], train: Sequence[Inspected]) -> Fitted:
    """The images that the statistics were taken from: their mean is 0 now."""
    wanted = normalization.get("statistics", "all")  # earlier datasets do not say it, and counted copies
    sums = [shard.originals for shard in train]
    if wanted == "all":
        sums += [shard.copies for shard in train]
    mean = sum(total for total, _ in sums) / max(1, sum(count for _, count in sums))
    scale = float(normalization.get("max", 255)) if str(normalization["kind"]).startswith("center") else 1.0
    return Fitted(str(wanted), mean, abs(mean) <= CENTERED * scale)
