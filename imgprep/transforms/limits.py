"""Warns of augmentation beyond the limits of the handbook, part 7, and of work that a later step undoes."""

from collections.abc import Mapping

from imgprep.transforms.base import Transform
from imgprep.transforms.compose import Policy
from imgprep.transforms.geometric import Affine, Rotate, Shift
from imgprep.transforms.intensity import Brightness
from imgprep.transforms.keras import Keras
from imgprep.transforms.normalize import PER_IMAGE, Kind

ROTATION_LIMITS: Mapping[str, float] = {"dead-on": 15, "incline": 30, "small-objects": 180}
"""Degrees to either side, by what the images are of."""
SHIFT_LIMIT = 0.2
"""Share of the side; beyond it the object is fractured or lost."""


def limit_problems(transform: Transform) -> list[str]:
    """Lists what of a transform goes over the limits, one line each.

    A transform with ``beyond_limits: true`` has no problems, nor has what it holds. Transforms inside others, and every
    variant of a grid, are looked at too. A rotation that clips is no problem: ``clip: true`` asks for it.
    """
    if transform.beyond_limits:
        return []
    problems: list[str] = []
    if isinstance(transform, Rotate | Affine):
        problems += _rotation(transform.name, "degrees", transform.degrees, transform.use)
    if isinstance(transform, Shift | Affine):
        problems += _shifts(transform.name, x=transform.x, y=transform.y)
    if isinstance(transform, Keras):
        problems += _keras(transform)
    elif isinstance(transform, Policy):
        for member in transform.members():
            problems += limit_problems(member)
    return list(dict.fromkeys(problems))


def undone_by_normalization(transform: Transform, kind: Kind) -> list[str]:
    """Lists what of a transform a later normalisation takes back, one line each (Handbook, part 7, last paragraph).

    The kinds that look at each image by itself take back a common factor or offset of all its levels, but for what
    saturated; ``center-samplewise`` the offset alone.
    """
    if kind not in PER_IMAGE:
        return []
    problems: list[str] = []
    kept = kind == "center-samplewise"
    if isinstance(transform, Brightness) and (any(transform.beta) or (transform.alpha != (1, 1) and not kept)):
        problems.append(f"{transform.name}: normalize: {kind} undoes it: use unit, or gamma instead of brightness")
    if isinstance(transform, Keras) and transform.brightness_range is not None and not kept:
        problems.append(f"keras.brightness_range: normalize: {kind} undoes it: use unit, or leave it out")
    elif isinstance(transform, Policy):
        for member in transform.members():
            problems += undone_by_normalization(member, kind)
    return list(dict.fromkeys(problems))


def _rotation(name: str, field: str, degrees: tuple[float, float], use: str) -> list[str]:
    limit = ROTATION_LIMITS[use]
    if max(map(abs, degrees)) <= limit:
        return []
    wider = next((other for other, bound in ROTATION_LIMITS.items() if max(map(abs, degrees)) <= bound), None)
    remedy = f"set use: {wider}, or beyond_limits: true" if wider and name != "keras" else "set beyond_limits: true"
    bounds = f"[{degrees[0]:g}, {degrees[1]:g}] is over the limit of -{limit:g}..{limit:g} for {use}"
    return [f"{name}.{field}: {bounds}: narrow it, or {remedy}"]


def _shifts(name: str, **ranges: tuple[float, float]) -> list[str]:
    return [
        f"{name}.{field}: [{low:g}, {high:g}] is over the limit {SHIFT_LIMIT:g}: narrow it or set beyond_limits: true"
        for field, (low, high) in ranges.items()
        if max(abs(low), abs(high)) > SHIFT_LIMIT
    ]


def _keras(transform: Keras) -> list[str]:
    spread = transform.rotation_range
    problems = _rotation("keras", "rotation_range", (-spread, spread), "incline")
    for field in ("width_shift_range", "height_shift_range"):
        values = getattr(transform, field)
        largest = max(map(abs, values), default=0) if isinstance(values, tuple) else abs(values)
        # From 1 on Keras means pixels, whose share depends on the image.
        if largest < 1:
            problems += _shifts("keras", **{field: (-largest, largest)})
    return problems
