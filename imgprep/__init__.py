"""imgprep prepares image-classification datasets: audit, convert, split and pack a collection by one spec.

The names below are loaded when they are first used, so that importing imgprep costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

from imgprep.version import __version__

if TYPE_CHECKING:
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
    "folds",
    "load",
    "pack",
    "preprocess",
    "rebuild",
    "run",
    "split",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("imgprep.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
