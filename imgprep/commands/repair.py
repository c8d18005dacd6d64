"""repair: verifies each finished stage of a spec and rebuilds damaged files to the same bytes."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from imgprep.commands.pipeline import Pipeline
from imgprep.commands.session import Request, context_for
from imgprep.dataset.integrity import Difference, unlisted_differences
from imgprep.dataset.manifest import INDEX, read_manifest, sha256_file
from imgprep.dataset.verify import verify
from imgprep.errors import ImgprepError, RequestError, ResourceError, one_line
from imgprep.pipeline.inputs import StageResult
from imgprep.pipeline.runner import RunContext
from imgprep.pipeline.stage import Stage
from imgprep.spec.loading import LoadedSpec
from imgprep.stages import STAGES
from imgprep.util.addresses import shown_path


@dataclass(frozen=True, slots=True)
class StageRepair:
    """The outcome for one stage.

    Attributes:
        folder: of the stage.
        differences: found by verification.
        failure: why it could not be repaired; '' when it is intact now.
    """

    folder: Path
    differences: tuple[Difference, ...] = ()
    failure: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """The damaged files."""
        return tuple(sorted({difference.file for difference in self.differences}))

    def text(self) -> str:
        """Readable lines: the differences and the repair."""
        folder = shown_path(self.folder)
        if not self.differences:
            return f"{folder}: ok"
        lines = [f"{folder}/{difference}" for difference in self.differences]
        if self.failure:
            return "\n".join([*lines, f"{folder}: not repaired: {self.failure}"])
        return "\n".join([*lines, f"{folder}: repaired to the same bytes: {', '.join(map(one_line, self.files))}"])


@dataclass(frozen=True, slots=True)
class Repaired:
    """The outcome of a repair.

    Attributes:
        stages: that were finished, in order.
    """

    stages: tuple[StageRepair, ...]

    @property
    def passed(self) -> bool:
        """True if all stages are intact now."""
        return not any(stage.failure for stage in self.stages)

    def text(self) -> str:
        """The outcome as readable lines."""
        return "\n".join(stage.text() for stage in self.stages)


class _UnrepairableError(Exception):
    """A stage that others need cannot be made as it was."""


class RepairPipeline(Pipeline):
    """The stages of a spec, of which only damaged ones are made again, and of those only the damaged shards.

    Args:
        loaded: the spec.
        context: of the run.
    """

    def __init__(self, loaded: LoadedSpec, context: RunContext) -> None:
        super().__init__(loaded, context)
        self.repaired: dict[str, StageRepair] = {}

    def finished(self) -> list[str]:
        """The stages that were finished, in order, whether or not their index is still there."""
        return [name for name in STAGES if self.context.workspace.state(name) is not None]

    def repair(self, name: str) -> None:
        """Verifies a stage and those before it, and repairs them where it can.

        Raises:
            ResourceError: it cannot be written.
        """
        try:
            self.bring(name)
        except _UnrepairableError:
            pass
        except ResourceError:
            raise  # not the stage failed but what surrounds it: no other stage will do better
        except ImgprepError as error:
            self._fail(name, str(error))
        if name not in self.repaired:
            self._fail(name, "an earlier stage is not repaired")

    def check(self, stages: Iterable[Stage]) -> None:
        """The source is only looked at when something is damaged."""
        super().check(stage for stage in stages if self._judge(stage.name))

    def make(self, stage: Stage) -> StageResult:
        """The stage as it is when it is not damaged, else made again.

        Raises:
            _UnrepairableError: it would not be as it was.
        """
        workspace = self.context.workspace
        folder = workspace.stage(stage.name)
        if not self._judge(stage.name):
            return self.result(stage, read_manifest(folder), fresh=False)
        work, state = stage.definition().work(self), workspace.state(stage.name)
        if state is None or state[0] != work.key():
            self._fail(stage.name, "the source or the spec is not what it was made from; `imgprep run` makes it anew")
            raise _UnrepairableError
        manifest = work.run(self.context)
        left = list(verify(folder, manifest, self.context.engine))
        if left and left == list(unlisted_differences(folder, manifest)):
            names = ", ".join(one_line(found.file) for found in left)
            self._fail(stage.name, f"not written by imgprep: {names}; move it out of the folder")
            raise _UnrepairableError
        if left or sha256_file(folder / INDEX) != state[1]:
            self._fail(
                stage.name,
                "its bytes differ now, so the source must have changed; `imgprep run` continues from it",
            )
            raise _UnrepairableError
        return self.result(stage, manifest, fresh=True)

    def _judge(self, stage: str) -> tuple[Difference, ...]:
        """The differences of a stage, verified once."""
        if stage not in self.repaired:
            self.repaired[stage] = StageRepair(self.context.workspace.stage(stage), tuple(self._differences(stage)))
        return self.repaired[stage].differences

    def _differences(self, stage: str) -> list[Difference]:
        folder = self.context.workspace.stage(stage)
        state = self.context.workspace.state(stage)
        try:
            manifest = read_manifest(folder)
            if state is not None and sha256_file(folder / INDEX) != state[1]:
                return [Difference(INDEX, (), "SHA-256 differs from what was written")]
        except (RequestError, OSError) as error:
            return [Difference(INDEX, (), one_line(error))]
        if not manifest.shards:
            return list(verify(folder, manifest, self.context.engine))
        rows = sum(shard.samples for shard in manifest.shards)
        self.context.monitor.begin(f"verify {stage}", rows)
        found = list(verify(folder, manifest, self.context.engine))
        self.context.monitor.advance(rows)
        self.context.monitor.end()
        return found

    def _fail(self, stage: str, reason: str) -> None:
        before = self.repaired.get(stage, StageRepair(self.context.workspace.stage(stage)))
        differences = before.differences or (Difference(INDEX, (), "not verified"),)
        self.repaired[stage] = StageRepair(before.folder, differences, reason)


def repair(request: Request) -> Repaired:
    """Verifies the finished stages of a spec; damaged shards are made again from the source or the stages before.

    Raises:
        RequestError: no stage is finished.
        ResourceError: another run holds the output, or it cannot be written.
    """
    loaded = request.load()
    with context_for(request, loaded) as context:
        pipeline = RepairPipeline(loaded, context)
        stages = pipeline.finished()
        if not stages:
            output = loaded.spec.output
            raise RequestError(
                f"{shown_path(output)}: no finished stage, so nothing to repair; `imgprep run` makes them"
            )
        for stage in stages:
            pipeline.repair(stage)
        repaired = [replace(pipeline.repaired[stage], folder=loaded.spec.output / stage) for stage in stages]
    return Repaired(tuple(repaired))
