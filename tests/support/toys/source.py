"""A layout: a text file, of which each line is a label and the grey level of a 4 x 4 image."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

import imgprep.sources
from imgprep.archives.files import file_digest
from imgprep.sources.base import Source
from imgprep.table.sample import Sample


@dataclass(frozen=True, slots=True)
class Lines(Source):
    """Levels in a text file.

    Attributes:
        path: of the file.
    """

    layout: ClassVar[str] = "lines"
    holds_arrays: ClassVar[bool] = True

    path: Path

    def samples(self) -> Iterator[Sample]:
        """One for each line."""
        for number, line in enumerate(self.path.read_text().splitlines()):
            label, level = line.split()
            yield Sample(f"{self.path.name}#{number}", level, label)

    def read(self, sample: Sample) -> Any:
        """The image of a line."""
        return np.full((4, 4), int(sample.location), np.uint8)

    def digest(self) -> str:
        """Changes with the file."""
        return file_digest(self.path)


def register() -> None:
    imgprep.sources.SOURCES = {**imgprep.sources.SOURCES, "lines": Lines}  # type: ignore[misc, assignment]
