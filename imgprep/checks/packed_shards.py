"""What the rules about packed datasets look at: the arrays of every shard, read in the workers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from imgprep.checks.packed import ShardFacts, shard_facts
from imgprep.dataset.manifest import Manifest, ShardEntry
from imgprep.engines.base import Heartbeat, WholePlan
from imgprep.pipeline.runner import RunContext, results
from imgprep.shards.shard_set import groups_of, open_shard

WHAT: Final = "packed values"


@dataclass(frozen=True, slots=True)
class EntryPlan(WholePlan):
    """One shard that the index lists, read whole."""

    entry: ShardEntry


class Inspected(NamedTuple):
    """What a shard holds.

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


def inspected(context: RunContext, folder: Path, manifest: Manifest) -> Iterator[tuple[str, Inspected]]:
    """Reads every shard of a packed dataset; gives the split and what is in it, in the order of the index."""
    plans = [EntryPlan(entry) for entry in manifest.shards]
    found = dict(results(context, InspectJob(folder), plans, WHAT, len(plans), "shards"))
    return ((plan.entry.split or "", found[plan]) for plan in plans)
