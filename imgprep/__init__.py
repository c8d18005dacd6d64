"""imgprep prepares image-classification datasets: audit, convert, split and pack a collection by one spec.

The names below are loaded when they are first used, so that importing imgprep costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

from imgprep.version import __version__

if TYPE_CHECKING:
    from imgprep import errors
    from imgprep.api import (
        AveragedViews,
        Dataset,
        Preprocessor,
        Report,
        Run,
        StageResult,
        audit,
        augment,
        average_views,
        convert,
        curate,
        diff,
        folds,
        load,
        pack,
        preprocess,
        rebuild,
        run,
        split,
    )

__all__ = [
    "AveragedViews",
    "Dataset",
    "Preprocessor",
    "Report",
    "Run",
    "StageResult",
    "__version__",
    "audit",
    "augment",
    "average_views",
    "convert",
    "curate",
    "diff",
    "errors",
    "folds",
    "load",
    "pack",
    "preprocess",
    "rebuild",
    "run",
    "split",
]


_HOMES = {
    "AveragedViews": "imgprep.dataset.views",
    "Dataset": "imgprep.dataset.loader",
    "average_views": "imgprep.dataset.views",
    "folds": "imgprep.dataset.loader",
    "load": "imgprep.dataset.loader",
}
"""Modules of the names that training scripts use; they import neither OpenCV nor the parts that make datasets."""


def __getattr__(name: str) -> Any:
    if name == "errors":
        return importlib.import_module("imgprep.errors")
    if name in __all__:
        return getattr(importlib.import_module(_HOMES.get(name, "imgprep.api")), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
