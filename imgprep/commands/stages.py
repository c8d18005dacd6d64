"""What a stage is, and the table of them. Everything that handles stages goes through the table.

A stage is added by one line in `STAGES` and one module that holds its `StageDefinition`.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from imgprep.commands.estimates import Outlook, StageEstimate
    from imgprep.commands.inputs import StageInputs
    from imgprep.dataset.manifest import Manifest
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
        implementation: ``module:attribute`` of its `StageDefinition`, imported when the stage is first used.
        optional: whether it is left out when the spec has no such section.
        missing: what a message says when an optional stage is asked for that the spec does not have.
        reads_source: whether it reads the source itself, and not only what earlier stages made of it.
    """

    name: str
    summary: str
    needs: tuple[str, ...]
    implementation: str
    optional: bool = False
    missing: str = "the section is missing; add it"
    reads_source: bool = False

    def definition(self) -> StageDefinition:
        """The implementation, imported now."""
        module, _, attribute = self.implementation.partition(":")
        found: StageDefinition = getattr(importlib.import_module(module), attribute)
        return found


def _table(*stages: Stage) -> Mapping[str, Stage]:
    return MappingProxyType({stage.name: stage for stage in stages})


STAGES: Final = _table(
    Stage(
        "convert",
        "Decodes, sizes and pre-processes every image.",
        (),
        "imgprep.commands.convert_stage:CONVERT",
        reads_source=True,
    ),
    Stage(
        "split",
        "Divides the images into train, validation and test.",
        ("convert",),
        "imgprep.commands.split_stage:SPLIT",
    ),
    Stage(
        "augment",
        "Makes new training images, and stress sets.",
        ("convert", "split"),
        "imgprep.commands.augment_stage:AUGMENT",
        optional=True,
        missing="the section is missing; add it to say which images to make",
    ),
    Stage(
        "pack",
        "Writes normalised, shuffled shards for each split.",
        ("convert", "split", "augment"),
        "imgprep.commands.pack_stage:PACK",
    ),
)
"""Every stage, in the order in which they run."""
