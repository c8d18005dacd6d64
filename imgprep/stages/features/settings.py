"""The settings of the features stage."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import PlainValidator, WithJsonSchema

from imgprep.pipeline.storage import Storage
from imgprep.settings.fields import Name, Positive, StoredPath
from imgprep.settings.problems import Keys, Problem, shown, unknown, wrong
from imgprep.stages.convert.settings import Size
from imgprep.stages.pack.settings import COLOUR_ONLY, PRESETS, preset_of

if TYPE_CHECKING:
    from imgprep.transforms.normalize import Kind


def _preset(value: object) -> str:
    value = preset_of(value)
    if isinstance(value, str) and value in PRESETS:
        return value
    if isinstance(value, Mapping):
        known = ", ".join(PRESETS)
        raise wrong(f"{shown(value)} is of these images, and the network was trained with others; choose from {known}")
    raise wrong(unknown("normalisation", value, PRESETS))


Preset = Annotated[str, PlainValidator(_preset), WithJsonSchema({"enum": list(PRESETS)})]


class FeaturesSettings(Storage):
    """The output of a network's layer for each image, and for each copy.

    Attributes:
        model: the network, an ONNX file.
        output: the layer, by the name of its result or its own; the output of the network when left out.
        normalize: what the network was trained with, by the names of pack.normalize.
        size: height and width of what the network is given; null or left out keeps the size of the converted images.
        batch: how many images go through the network at once, where that is faster; the result is the same.
    """

    model: StoredPath
    output: Name | None = None
    normalize: Preset
    size: Size = None
    batch: Annotated[Positive, "a number of images, at least 1"] = 32

    def contradictions(self, earlier: Mapping[str, Any]) -> Iterator[Problem]:
        """A normalisation of colours must meet colours."""
        convert = earlier.get("convert")
        if convert is not None and convert.channels == "gray" and self.normalize in COLOUR_ONLY:
            text = f"{self.normalize} is for colour images; use convert.channels: rgb, or normalize: symmetric"
            yield Problem(("normalize",), text)

    @property
    def kind(self) -> "Kind":
        """The normalisation in one word."""
        return cast("Kind", self.normalize)

    def files(self) -> Iterator[tuple[Keys, Path]]:
        """The network."""
        yield ("model",), self.model

    def values(self) -> dict[str, Any]:
        """Plain values for a fingerprint, without those of the storage and what changes nothing."""
        return {"output": self.output, "normalize": self.normalize, "size": self.size}
