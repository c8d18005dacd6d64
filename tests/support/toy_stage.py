"""A stage of somebody else: it notes how many images of the convert stage are brighter than a level."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from annotated_types import Ge, Le

import imgprep.stages
from imgprep.dataset.manifest import Manifest, commit, fingerprint
from imgprep.pipeline.estimates import Outlook, StageEstimate
from imgprep.pipeline.inputs import StageInputs
from imgprep.pipeline.runner import RunContext, commit_stage
from imgprep.pipeline.stage import Stage, table
from imgprep.pipeline.stage_images import Images
from imgprep.settings.fields import Integer, Section
from imgprep.settings.problems import Problem


class BrightSettings(Section):
    """Counts bright images.

    Attributes:
        level: mean level above which an image is bright.
    """

    level: Annotated[Integer, Ge(0), Le(255)] = 128

    def contradictions(self, earlier: Mapping[str, Any]) -> Iterator[Problem]:
        """Levels of 16 bits are others."""
        if "convert" in earlier and earlier["convert"].depth == 16:
            yield Problem(("level",), "is of 8-bit images; use convert.depth: 8")


@dataclass(frozen=True, slots=True)
class Bright:
    """The stage: everything it needs to know."""

    images: Images
    settings: BrightSettings

    def key(self) -> str:
        """What it is made from."""
        return fingerprint(self.settings.level, self.images.manifest.fingerprint)

    def run(self, context: RunContext) -> Manifest:
        """Writes bright.txt."""
        context.workspace.begin("bright")
        with self.images.shards().opened(4) as shards:
            found = [image.mean() > self.settings.level for shard in shards for image in shard.images]
        commit(context.workspace.stage("bright") / "bright.txt", f"{sum(found)}\n".encode())
        lines = (self.images.folder / "samples.jsonl").read_bytes().splitlines(keepends=True)
        manifest = replace(self.images.manifest, stage="bright", shards=(), fingerprint=self.key())
        return commit_stage(context, manifest, self.key(), lines, ["bright.txt"])


class Definition:
    """See `StageDefinition`."""

    def check(self, inputs: StageInputs) -> None:
        """Anything can be counted."""

    def work(self, inputs: StageInputs) -> Bright:
        """The stage over the converted images."""
        return Bright(inputs.images("convert"), inputs.section("bright"))

    def estimate(self, outlook: Outlook) -> StageEstimate:
        """It writes no images."""
        return StageEstimate("bright", {"all": len(outlook.usable())}, 0, 0)


BRIGHT = Definition()
STAGE = Stage("bright", "Counts bright images.", ("convert",), f"{__name__}:BrightSettings", f"{__name__}:BRIGHT")

if __name__ == "__main__":
    import toy_stage

    imgprep.stages.STAGES = table(*imgprep.stages.STAGES.values(), toy_stage.STAGE)  # type: ignore[misc]
    from imgprep.__main__ import main

    sys.exit(main())
