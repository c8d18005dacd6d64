"""The processing of the images of a finished stage, as plain values."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from imgprep.dataset.manifest import Manifest
from imgprep.dataset.row_format import ImageFormat


def made_by(manifest: Manifest, image: ImageFormat) -> Mapping[str, Any]:
    """The members of a stage's index that say how its images were made; see ``preprocessing`` of `Manifest`."""
    return {
        "stage": manifest.stage,
        "image": asdict(image) | {"shape": list(image.shape)},
        "normalization": manifest.normalization,
        "preprocessing": manifest.preprocessing,
    }
