"""The versions that every index records."""

from collections.abc import Mapping
from typing import Any

from imgprep.transforms.affine import affine_warper
from imgprep.transforms.area import area_resizer
from imgprep.util.versions import versions


def recorded_versions() -> Mapping[str, Any]:
    """`versions` for an index, with the code that shrinks and warps, which no key depends on: it changes no pixel."""
    return {**versions(), "area_resizer": area_resizer(), "affine_warper": affine_warper()}
