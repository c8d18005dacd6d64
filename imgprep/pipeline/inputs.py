"""The inputs of a stage definition: the spec, the source and the stages before it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from imgprep.dataset.loader import Dataset
    from imgprep.dataset.manifest import Manifest
    from imgprep.errors import RequestError
    from imgprep.pipeline.collection import Collection
    from imgprep.pipeline.runner import RunContext
    from imgprep.pipeline.stage_images import Images


@dataclass(frozen=True, slots=True)
class StageResult:
    """A finished stage.

    Attributes:
        folder: of the stage.
        manifest: its index.
        fresh: whether this run made it; False when it was up to date.
        allowed: number of images that may be quarantined.
    """

    folder: Path
    manifest: "Manifest"
    fresh: bool
    allowed: int = 0

    @property
    def too_many_quarantined(self) -> bool:
        """True if more images were quarantined than the spec allows."""
        return self.manifest.samples["quarantined"] > self.allowed

    def load(self, name: str | None = None) -> "Dataset":
        """Opens the images of a split."""
        from imgprep.dataset.loader import load  # noqa: PLC0415 - who runs stages does not wait for it

        return load(self.folder, name)


class StageInputs(Protocol):
    """The inputs of a stage; implemented by `commands.pipeline.Pipeline`, which brings requested stages up to date."""

    @property
    def name(self) -> str:
        """The name of the dataset."""
        ...

    @property
    def seed(self) -> int:
        """The seed of the spec."""
        ...

    @property
    def context(self) -> "RunContext":
        """The context of the run."""
        ...

    @property
    def collection(self) -> "Collection":
        """The source, listed."""
        ...

    def has(self, name: str) -> bool:
        """Returns whether the spec has a stage."""
        ...

    def section(self, name: str) -> Any:
        """A section of the spec; None when the spec does not have that of an optional stage."""
        ...

    def where(self, *keys: str | int) -> str:
        """The file and line, or the option, that gave a value of the spec."""
        ...

    def error(self, text: str, *keys: str | int) -> "RequestError":
        """An error about a value of the spec, to be raised."""
        ...

    def bring(self, name: str) -> StageResult:
        """A finished stage that this one needs."""
        ...

    def images(self, name: str) -> "Images":
        """The images of a stage that this one needs."""
        ...
