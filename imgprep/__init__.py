"""imgprep prepares image-classification datasets: audit, convert, split and pack a collection by one spec.

The names below are loaded when they are first used, so that importing imgprep costs nothing.
"""

import importlib
from types import ModuleType
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
        features,
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
    "features",
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


if not TYPE_CHECKING:  # or else a checker takes every name for one of these

    def __getattr__(name: str) -> Any:
        if name == "errors":
            return importlib.import_module("imgprep.errors")
        if name in __all__:
            return getattr(_imported(_HOMES.get(name, "imgprep.api")), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _imported(module: str) -> ModuleType:
    """Imports a module; a library that is missing or broken is told with what to do about it."""
    try:
        return importlib.import_module(module)
    except (ImportError, AttributeError) as error:
        from imgprep import errors  # noqa: PLC0415 - seldom needed
        from imgprep.util.installation import remedy  # noqa: PLC0415

        said = remedy(error)
        if said is None:
            raise
        raise errors.ResourceError(said) from error


def __dir__() -> list[str]:
    return __all__
