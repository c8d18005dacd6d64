"""What the definition of a stage may ask for: the spec, the source, and the stages before it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from imgprep.commands.collection import Collection
from imgprep.dataset.manifest import Manifest
from imgprep.pipeline.runner import RunContext
from imgprep.spec.loading import LoadedSpec

if TYPE_CHECKING:
    from imgprep.dataset.loader import Dataset
    from imgprep.pipeline.stage_images import Images
    from imgprep.stages.split.methods import Assignment


@dataclass(frozen=True, slots=True)
class StageResult:
    """A finished stage.

    Attributes:
        folder: where it is.
        manifest: its index.
        fresh: whether this run made it; False when it was up to date.
        allowed: how many images may be quarantined.
    """

    folder: Path
    manifest: Manifest
    fresh: bool
    allowed: int = 0

    @property
    def too_many_quarantined(self) -> bool:
        """Whether more images were quarantined than the spec allows."""
        return self.manifest.samples["quarantined"] > self.allowed

    def load(self, name: str | None = None) -> "Dataset":
        """Opens the images of a split."""
        from imgprep.dataset.loader import load

        return load(self.folder, name)


class StageInputs(Protocol):
    """What a stage is made from; see `pipeline.Pipeline`, which brings everything up to date that it is asked for."""

    @property
    def loaded(self) -> LoadedSpec:
        """The spec."""
        ...

    @property
    def context(self) -> RunContext:
        """Where it runs."""
        ...

    @property
    def collection(self) -> Collection:
        """The source, listed."""
        ...

    @property
    def assignment(self) -> "Assignment":
        """The decision of the split stage."""
        ...

    def has(self, name: str) -> bool:
        """Whether the spec has a stage."""
        ...

    def section(self, name: str) -> Any:
        """The settings of a stage; None when the spec does not have the section of an optional one."""
        ...

    def bring(self, name: str) -> StageResult:
        """A stage that this one needs, finished."""
        ...

    def images(self, name: str) -> "Images":
        """The images of a stage that this one needs."""
        ...
