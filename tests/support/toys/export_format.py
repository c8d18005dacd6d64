"""An export format: the pixels of each image as .npy, with its class in the name."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

import imgprep.dataset.export
from imgprep.dataset.export.base import Export, Format, Image


def write(export: Export, folder: Path) -> Iterator[Image]:
    """Writes ``train-00000-apple.npy`` and so on."""
    for number, image in enumerate(export.images()):
        np.save(folder / f"{image.split}-{number:05d}-{image.number}.npy", image.pixels)
        yield image


NPY = Format(write, "{}-*.npy")


def register() -> None:
    imgprep.dataset.export.EXPORTS = {**imgprep.dataset.export.EXPORTS, "npy": NPY}  # type: ignore[misc, assignment]
