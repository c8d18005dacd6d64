"""The interface of stages; the table `imgprep.stages.STAGES` lists them for all code that handles stages."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from imgprep.util.lazy_table import imported

if TYPE_CHECKING:
    from imgprep.dataset.manifest import Manifest
    from imgprep.pipeline.estimates import Outlook, StageEstimate
    from imgprep.pipeline.inputs import StageInputs
    from imgprep.pipeline.plan import ShardPlan
    from imgprep.pipeline.runner import Job, RunContext
    from imgprep.table.sample import SampleTable


class StageWork(Protocol):
    """A stage with its inputs, ready to be made."""

    def key(self) -> str:
        """A hash of the stage's inputs; the same key gives the same files."""
        ...

    def run(self, context: "RunContext") -> "Manifest":
        """Makes the stage and commits it.

        Raises:
            ImgprepError: it cannot be made.
        """
        ...


@runtime_checkable
class ExplainedWork(StageWork, Protocol):
    """A stage that can tell what it is made from, so that a later run can say what changed."""

    def inputs(self) -> Mapping[str, Any]:
        """The parts of its key as nested plain values; a member called ``digest`` is a hash of what is not shown."""
        ...


@runtime_checkable
class ListedWork(StageWork, Protocol):
    """A stage that is made from the files of a source, so that a later run can say which came, went or changed."""

    def listed(self) -> "SampleTable":
        """The entries of the source; the member ``files`` of its inputs is their digest."""
        ...


@runtime_checkable
class ReusingWork(StageWork, Protocol):
    """A stage that copies rows of its last output instead of making them again."""

    def reusable(self, context: "RunContext") -> tuple[int, int]:
        """Counts the rows that would be reused, as far as that is known before anything is read, and all rows."""
        ...


@runtime_checkable
class ShardedWork(StageWork, Protocol):
    """A stage whose shards can be made apart from each other, also by processes that know nothing of each other."""

    def shards(self, context: "RunContext") -> "tuple[Job[Any], list[ShardPlan[Any]]]":
        """The job that makes a shard, and the plans of all shards; the same in every process.

        Raises:
            ImgprepError: the stage cannot be made.
        """
        ...


class StageDefinition(Protocol):
    """Derives a stage from the spec and the stages before it."""

    def check(self, inputs: "StageInputs") -> None:
        """Refuses a spec that does not fit the source, before any stage writes anything.

        Raises:
            RequestError: it does not fit.
        """
        ...

    def work(self, inputs: "StageInputs") -> StageWork:
        """The stage with its inputs; the stages that it `needs` are finished."""
        ...

    def estimate(self, outlook: "Outlook") -> "StageEstimate":
        """Estimates the output of the stage from the estimates of the stages before it."""
        ...


@dataclass(frozen=True, slots=True)
class Stage:
    """One entry of the table.

    Attributes:
        name: of the command, of the section in the spec, and of the folder in the output.
        summary: one line for ``--help``.
        needs: stages to bring up to date first; optional ones only when the spec has their section.
        settings: ``module:attribute`` of the class of its section in the spec.
        implementation: ``module:attribute`` of its `StageDefinition`, imported when the stage is first used.
        about: what its section decides, for the JSON Schema.
        optional: whether to skip it when the spec lacks its section.
        missing: error message when an optional stage is requested but the spec lacks its section.
        reads_source: whether it reads the source, and not only the output of earlier stages.
    """

    name: str
    summary: str
    needs: tuple[str, ...]
    settings: str
    implementation: str
    about: str = ""
    optional: bool = False
    missing: str = "the section is missing; add it"
    reads_source: bool = False

    def definition(self) -> StageDefinition:
        """The implementation, imported now."""
        found: StageDefinition = imported(self.implementation)
        return found

    def section(self) -> type[Any]:
        """The class of its settings, imported now."""
        found: type[Any] = imported(self.settings)
        return found


def table(*stages: Stage) -> Mapping[str, Stage]:
    """Stages by name."""
    return MappingProxyType({stage.name: stage for stage in stages})
