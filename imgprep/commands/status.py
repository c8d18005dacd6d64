"""status: what of a spec is up to date, and why the rest is not; nothing is written."""

import json
from contextlib import closing
from dataclasses import dataclass

from imgprep.commands.pipeline import Pipeline
from imgprep.commands.session import Request, engine_for, looking_at
from imgprep.pipeline.runner import RunContext
from imgprep.pipeline.stage_status import StageStatus


@dataclass(frozen=True, slots=True)
class Status:
    """The outcome.

    Attributes:
        stages: the status of each stage of the spec, in order.
    """

    stages: tuple[StageStatus, ...]

    @property
    def up_to_date(self) -> bool:
        """Whether a run would make nothing."""
        return all(stage.up_to_date for stage in self.stages)

    def text(self) -> str:
        """A line for each stage, and one for each reason."""
        lines = []
        for stage in self.stages:
            lines += [f"{stage.stage}: {stage.state}", *(f"  {reason}" for reason in stage.told())]
        return "\n".join(lines)

    def json(self) -> str:
        """The same for programs."""
        content = {"up_to_date": self.up_to_date, "stages": [stage.plain() for stage in self.stages]}
        return json.dumps(content, indent=2)


def status(request: Request) -> Status:
    """Compares what each stage was made from with what it would be made from now.

    Raises:
        RequestError: the spec is wrong, or does not fit the source.
    """
    loaded = request.load()
    with looking_at(loaded) as workspace, closing(engine_for(loaded)) as engine:
        pipeline = Pipeline(loaded, RunContext(workspace, engine, request.monitor))
        return Status(tuple(pipeline.statuses(pipeline.stages())))
