"""Test-time augmentation: averages the predictions for the views of each image."""

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgprep.errors import RequestError

_COPY: Final = re.compile(r"(.*)#([1-9][0-9]*)", re.DOTALL)


class AveragedViews(NamedTuple):
    """One prediction for each image.

    Attributes:
        ids: (M,) of the images, in the order in which their views first occur.
        predictions: (M, ...) float64, the mean over the views of each.
    """

    ids: list[str]
    predictions: NDArray[np.float64]


def average_views(
    predictions: ArrayLike, parents: Sequence[str] | NDArray[Any] | None = None, *, ids: Sequence[str] | None = None
) -> AveragedViews:
    """Averages the predictions for the images of ``test-views`` over the views of each image.

    Args:
        predictions: (N, ...) one row for each view, such as (N, K) probabilities.
        parents: (N,) the original of each view: ``views.parents`` of a loaded dataset. Ids of views (``a.jpg#1``,
            ``a.jpg#2`` ...) are recognised and treated as `ids`.
        ids: (N,) of the views, instead of their parents: ``views.ids``.

    Raises:
        RequestError: not exactly one of parents and ids is given, their number differs from that of the predictions, or
            an id is not that of a view.
    """
    if (parents is None) == (ids is None):
        raise RequestError("average_views needs either the parents of the views or their ids")
    rows = np.asarray(predictions, np.float64)
    names = [value.decode() if isinstance(value, bytes) else str(value) for value in (parents if ids is None else ids)]  # type: ignore[union-attr]
    if rows.ndim == 0 or len(rows) != len(names):
        raise RequestError(f"predictions of shape {rows.shape} for {len(names)} views; give one row for each view")
    if ids is not None or _are_views(names):
        names = [_parent(name) for name in names]
    order = {name: number for number, name in enumerate(dict.fromkeys(names))}
    place = np.array([order[name] for name in names], np.intp)
    total = np.zeros((len(order), *rows.shape[1:]))
    np.add.at(total, place, rows)
    counts = np.bincount(place, minlength=len(order)).reshape(-1, *[1] * (rows.ndim - 1))
    return AveragedViews(list(order), total / counts)


def _parent(name: str) -> str:
    match = _COPY.fullmatch(name)
    if match is None:
        raise RequestError(f"{name!r} is no id of a view such as a.jpg#1; give the parents instead")
    return match[1]


def _are_views(names: Sequence[str]) -> bool:
    """Returns whether all are ids of views: distinct, and numbered from 1 to the same number above 1 for each image."""
    matches = [_COPY.fullmatch(name) for name in names]
    numbers: dict[str, set[int]] = {}
    for match in matches:
        if match is None:
            return False
        numbers.setdefault(match[1], set()).add(int(match[2]))
    views = len(names) // len(numbers) if numbers else 0
    return len(set(names)) == len(names) and views > 1 and all(n == {*range(1, views + 1)} for n in numbers.values())
