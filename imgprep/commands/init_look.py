"""Looks at some images of a collection, for the size and the fit that `init` proposes."""

import statistics
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from imgprep.decoding.format_header import DecodeOptions
from imgprep.engines import Settings, isolating
from imgprep.engines.base import Heartbeat
from imgprep.errors import ImageError
from imgprep.pipeline.image_reader import ImageReader
from imgprep.pipeline.plan import ShardPlan
from imgprep.sources.base import Source
from imgprep.table.sample import SampleTable

LOOKED_AT: Final = 32
EXACT: Final = 512
"""Largest side in pixels up to which a size shared by all images is kept."""
SIDES: Final = (32, 64, 96, 128, 224)
BENT: Final = 1.1
"""Factor by which stretching may change the shape of an image."""


class Look(NamedTuple):
    """The formats of some images.

    Attributes:
        sizes: (height, width) of each.
        gray: whether all have one channel.
        deep: whether all have 16 bits.
    """

    sizes: tuple[tuple[int, int], ...]
    gray: bool
    deep: bool

    def size(self) -> tuple[tuple[int, int], str]:
        """((height, width), reason): a suitable size for all images."""
        if not self.sizes:
            return (224, 224), "a common size; no image was looked at"
        if len(set(self.sizes)) == 1 and max(self.sizes[0]) <= EXACT:
            return self.sizes[0], "as the images are"
        middle = statistics.median(min(size) for size in self.sizes)
        side = max((side for side in SIDES if side <= middle), default=SIDES[0])
        return (side, side), f"the images are {self.extent()}"

    def extent(self) -> str:
        """The smallest and the largest size, as text."""
        least, most = min(self.sizes), max(self.sizes)
        return "{}x{} to {}x{}".format(*least, *most) if least != most else "{}x{}".format(*least)

    def fit(self) -> tuple[str, str]:
        """(fit, reason): stretching where no shape changes by a tenth, else padding, which loses nothing."""
        (height, width), _ = self.size()
        ratios = [w / h * height / width for h, w in self.sizes]
        if all(1 / BENT <= ratio <= BENT for ratio in ratios):
            return "stretch", "stretch | pad | crop"
        shapes = sorted(w / h for h, w in self.sizes)
        return "pad", f"widths are {shapes[0]:.2g} to {shapes[-1]:.2g} times the heights; or stretch, crop"


@dataclass(frozen=True, slots=True)
class _LookJob:
    """Decodes some images in a worker, as a hostile image may crash it."""

    reader: ImageReader

    def __call__(self, plan: ShardPlan[SampleTable], heartbeat: Heartbeat) -> list[tuple[tuple[int, ...], bool]]:
        seen = []
        for item, sample in enumerate(plan.items):
            heartbeat.at(item)
            if item not in plan.excluded:
                with suppress(ImageError):
                    pixels = self.reader(sample).pixels
                    seen.append((pixels.shape, pixels.dtype == np.uint16))
        heartbeat.done()
        return seen


def look(source: Source, table: SampleTable) -> Look:
    """Decodes some images, spread over the collection; remote ones are skipped."""
    usable = np.flatnonzero(table.ok())
    rows = usable[np.unique(np.linspace(0, len(usable) - 1, min(LOOKED_AT, len(usable))).astype(int))]
    near = [row for row in rows.tolist() if "://" not in table.location[row]]
    if not near:
        return Look((), gray=False, deep=False)
    plan = ShardPlan(0, "look", None, table[np.array(near)], "")
    seen: list[tuple[tuple[int, ...], bool]] = []
    for outcome in isolating(Settings(workers=1)).run(_LookJob(ImageReader(source, DecodeOptions())), [plan]):
        if outcome.error is not None:
            raise outcome.error
        seen += outcome.value or []
    return Look(
        tuple((height, width) for (height, width, _), _ in seen),
        gray=bool(seen) and all(shape[2] == 1 for shape, _ in seen),
        deep=bool(seen) and all(deep for _, deep in seen),
    )
