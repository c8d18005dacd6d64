"""What a stage is. The table of them is `imgprep.stages.STAGES`; everything that handles stages goes through it."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from imgprep.dataset.manifest import Manifest
    from imgprep.pipeline.estimates import Outlook, StageEstimate
    from imgprep.pipeline.inputs import StageInputs
    from imgprep.pipeline.runner import RunContext


class StageWork(Protocol):
    """A stage that knows its inputs and can be made."""

    def key(self) -> str:
        """A hash of everything that the stage is made from; the same key gives the same files."""
        ...

    def run(self, context: "RunContext") -> "Manifest":
        """Makes the stage and commits it.

        Raises:
            ImgprepError: it cannot be made.
        """
        ...


class StageDefinition(Protocol):
    """How a stage follows from the spec and from the stages before it."""

    def check(self, inputs: "StageInputs") -> None:
        """Refuses a spec that does not fit the source, before any stage writes anything.

        Raises:
            RequestError: it does not fit.
        """
        ...

    def work(self, inputs: "StageInputs") -> StageWork:
        """The stage with its inputs; those it `needs` are finished."""
        ...

    def estimate(self, outlook: "Outlook") -> "StageEstimate":
        """What the stage would write, given what those before it would."""
        ...


@dataclass(frozen=True, slots=True)
class Stage:
    """One entry of the table.

    Attributes:
        name: of the command, of the section in the spec, and of the folder in the output.
        summary: one line for ``--help``.
        needs: the stages that are brought up to date first; optional ones only when the spec has their section.
        settings: ``module:attribute`` of the class of its section in the spec.
        implementation: ``module:attribute`` of its `StageDefinition`, imported when the stage is first used.
        about: what its section decides, for the JSON Schema.
        optional: whether it is left out when the spec has no such section.
        missing: what a message says when an optional stage is asked for that the spec does not have.
        reads_source: whether it reads the source itself, and not only what earlier stages made of it.
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
        found: StageDefinition = _imported(self.implementation)
        return found

    def section(self) -> type[Any]:
        """The class of its settings, imported now."""
        found: type[Any] = _imported(self.settings)
        return found


def _imported(path: str) -> Any:
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)


def table(*stages: Stage) -> Mapping[str, Stage]:
    """Stages by name."""
    return MappingProxyType({stage.name: stage for stage in stages})
