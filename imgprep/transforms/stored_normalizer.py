"""The normalisation of a finished dataset, from what its index says about it."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgprep.transforms.base import Shape
from imgprep.transforms.normalize import FITTED, KINDS, PER_POSITION, Normalizer

_DEPTHS: Final[Mapping[object, int]] = {255: 8, 65535: 16}
_MEMBERS: Final = {"kind", "formula", "max", "mean", "std", "epsilon", "percentiles", "statistics", "images"}


def stored_normalizer(facts: Mapping[str, Any], shape: Shape) -> Normalizer:
    """Makes the normaliser that a dataset was packed with: the inverse of `Normalizer.statistics`.

    Args:
        facts: the member ``normalization`` of dataset.json.
        shape: (H, W, C) of the images.

    Raises:
        ValueError: it is none of this version of imgprep; the message says what does not fit.
    """
    kind = facts.get("kind")
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}")
    depth = next((bits for largest, bits in _DEPTHS.items() if facts.get("max") == largest), None)
    if depth is None:
        raise ValueError(f"max is {facts.get('max')!r}, not 255 or 65535")
    if strange := [key for key in facts if key not in _MEMBERS]:
        raise ValueError(f"{strange[0]} is unknown here")
    made = Normalizer(kind, depth, _array(facts, "mean"), _array(facts, "std"))
    for key, value in made.statistics().items():
        if key != "formula" and facts.get(key) != value:
            raise ValueError(f"{key} is {facts.get(key)!r}, not {value!r}")
    if kind in FITTED:
        _check_shapes(made, shape)
    return made


def _array(facts: Mapping[str, Any], key: str) -> NDArray[np.float64] | None:
    try:
        return np.array(facts[key], np.float64) if key in facts else None
    except (TypeError, ValueError):
        raise ValueError(f"{key} is no array of numbers") from None


def _check_shapes(made: Normalizer, shape: Shape) -> None:
    """Refuses statistics that are missing or those of other images."""
    by_channel = (shape[2],) if made.kind.endswith("-channel") else ()
    mean = shape if made.kind in PER_POSITION else by_channel
    std = shape if made.kind == "standardize-position" else by_channel
    wanted = {"mean": (made.mean, mean)}
    if made.kind.startswith("standardize"):
        wanted["std"] = made.std, std
    for key, (value, expected) in wanted.items():
        if value is None or value.shape != expected:
            raise ValueError(f"{key} does not fit images of {'x'.join(map(str, shape))}")
