"""The formats of the rows of a dataset: images, or the features of images."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

GRAY: Final = "gray"
"""The colour of images of one channel."""
IMAGE: Final = "image"
FEATURE: Final = "feature"


class RowFormat(NamedTuple):
    """The array of a shard that has its rows: all others are about these.

    Attributes:
        array: its name, ``image`` or ``feature``.
        shape: of one row.
        dtype: numpy dtype name.
    """

    array: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def values(self) -> str:
        """The kind of the rows, in a word."""
        return "pixels" if self.array == IMAGE else "values"

    def __str__(self) -> str:
        return f"{self.shape} {self.dtype}"


@dataclass(frozen=True, slots=True)
class ImageFormat:
    """The format that every image of a dataset has.

    Attributes:
        shape: height, width, channels.
        dtype: numpy dtype name.
        color: order of the channels: RGB, BGR, or gray; '' derives it from the shape.
    """

    shape: tuple[int, int, int]
    dtype: str
    color: str = ""

    def __post_init__(self) -> None:
        if not self.color:
            object.__setattr__(self, "color", GRAY if self.shape[2] == 1 else "RGB")


@dataclass(frozen=True, slots=True)
class FeatureFormat:
    """The format that the features of every image of a dataset have, and where they come from.

    Attributes:
        shape: (D,).
        dtype: numpy dtype name.
        network: ``file`` (its name), ``sha256``, ``output`` (the layer), and ``size`` (height and width of its input).
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    network: Mapping[str, Any] = field(default_factory=dict)
