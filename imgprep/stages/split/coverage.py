"""Explains why a class has no image in a split."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.stages.split.allocate import NAMES, TRAIN_NAME, UNUSED

_SHOWN: Final = 5


class Division(NamedTuple):
    """Images with their splits.

    Attributes:
        names: of the splits.
        codes: (N,) the split of each image, `UNUSED` for none.
        labels: (N,) the index of the class of each image.
        classes: by index.
        units: (N,) the unit of each image; a unit is never divided between splits.
    """

    names: tuple[str, ...]
    codes: NDArray[np.integer]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    units: NDArray[np.integer]


def missing_classes(division: Division, method: str) -> list[str]:
    """Notes on classes that are absent from a non-empty split, with the reason, and on an empty train split.

    Args:
        division: of all usable images.
        method: the split method of the spec.
    """
    names, codes, labels, classes, _ = division
    used = codes != UNUSED
    counts = np.bincount(
        codes[used].astype(np.int64) * len(classes) + labels[used], minlength=len(names) * len(classes)
    )
    counts = counts.reshape(len(names), len(classes))
    notes = []
    for code, name in enumerate(names):
        if name == TRAIN_NAME and len(codes) and not counts[code].any():
            notes.append("split train: is empty, there is nothing to train on")
        absent = np.flatnonzero(counts[code] == 0)
        if not 0 < len(absent) < len(classes):
            continue
        reasons: dict[str, list[str]] = {}
        for label in absent.tolist():
            reason, shown = _reason(division, counts, (code, label), given=method == "predefined")
            reasons.setdefault(reason, []).append(shown)
        for reason, each in reasons.items():
            more = f" and {len(each) - _SHOWN} more classes" if len(each) > _SHOWN else ""
            notes.append(f"split {name}: no image of {', '.join(each[:_SHOWN])}{more}: {reason}")
    return notes


def _reason(division: Division, counts: NDArray[np.int64], place: tuple[int, int], *, given: bool) -> tuple[str, str]:
    """(reason why a class is absent from a split, the class with its counts elsewhere)."""
    names, codes, labels, classes, units = division
    code, label = place
    there = {names[other]: int(counts[other, label]) for other in np.flatnonzero(counts[:, label]).tolist()}
    total = sum(there.values())
    where = ", ".join(f"{count} in {split}" for split, count in there.items())
    shown = f"{classes[label]} ({where})" if there else classes[label]
    if given and not (names[code] == NAMES[1] and set(there) == {TRAIN_NAME}):
        return "the given splits put none there", shown
    mine = (labels == label) & (codes != UNUSED)
    if total > 1 and len(np.unique(units[mine])) < min(total, len(names)):
        return "all images of the class belong together, in groups or near-duplicates", shown
    if total * counts[code].sum() < counts.sum():
        return "too small a class to appear in it", classes[label]
    return "by the draw", shown
