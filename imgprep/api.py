"""imgprep from Python: the commands as functions, on a spec file."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from numpy.typing import NDArray

from imgprep.checks.base import Report
from imgprep.commands import main
from imgprep.commands.main import Run
from imgprep.commands.monitors import LoggingMonitor, with_settings
from imgprep.commands.preprocess import Preprocessor, preprocess
from imgprep.commands.session import Request
from imgprep.dataset.loader import Dataset, folds, load
from imgprep.dataset.views import AveragedViews, average_views
from imgprep.pipeline.inputs import StageResult
from imgprep.settings.problems import unknown
from imgprep.util.addresses import absolute

if TYPE_CHECKING:
    from imgprep.commands.curate import Curated
    from imgprep.commands.diff import Compared

__all__ = [
    "AveragedViews",
    "Dataset",
    "Preprocessor",
    "Report",
    "Run",
    "StageResult",
    "audit",
    "augment",
    "average_views",
    "convert",
    "curate",
    "diff",
    "features",
    "folds",
    "load",
    "pack",
    "preprocess",
    "rebuild",
    "run",
    "split",
]

Path_ = str | os.PathLike[str]
Spec = Path_ | Mapping[str, Any]
"""The path of a spec file, or a spec as nested mappings, whose paths are relative to the working directory."""
AuditStage = Literal["source", "convert", "split", "augment", "pack"]
Progress = Callable[[str, int, int], None]
"""Called with what is done, how many items are, and how many there are in all."""


class Options(TypedDict, total=False):
    """Keyword options of all functions on a spec.

    Attributes:
        settings: dotted keys and values that replace those of the spec.
        output: replaces the output folder.
        seed: replaces the seed.
        workers: how many worker processes.
        force: do again what is up to date.
        progress: a function that is called with progress, or True for bars of tqdm, in notebooks too.
    """

    settings: Mapping[str, Any] | None
    output: Path_ | None
    seed: int | None
    workers: int | None
    force: bool
    progress: Progress | bool | None


def audit(
    spec: Spec,
    *,
    stage: AuditStage = "source",
    baseline: Path_ | None = None,
    reference: Path_ | None = None,
    **options: Unpack[Options],
) -> Report:
    """Judges the collection of a spec by the rules of good data collection.

    Args:
        spec: the path of the spec file.
        stage: what is judged: source, or what convert, split, augment or pack made of it.
        baseline: an earlier report.json; only what is new fails.
        reference: the spec of another collection, for how far each class has moved from it.
        **options: see `request`.

    Returns:
        The findings; ``report.passed`` is the verdict.
    """
    from imgprep.commands.audit import Choice  # noqa: PLC0415 - only who audits pays for the import

    paths = (None if path is None else Path(path) for path in (baseline, reference))
    return main.audit(request(spec, **options), Choice(stage, *paths)).report


def curate(
    spec: Spec,
    table: Path_ | None = None,
    *,
    rules: Mapping[str, str] | None = None,
    dry_run: bool = False,
    **options: Unpack[Options],
) -> "Curated":
    """Proposes decisions from the last audit, and says what they would change.

    Args:
        spec: the path of the spec file.
        table: where the decisions go; by default the table of the spec, else decisions.csv beside it.
        rules: what to propose for the findings of a rule: exclude, keep, relabel or open.
        dry_run: write nothing.
        **options: see `request`.

    Returns:
        The new decisions, the changes by class, and the report of the audit as it would be with them.
    """
    from imgprep.commands.curate import Plan  # noqa: PLC0415 - only who curates pays for the import

    actions = tuple(f"{rule}={action}" for rule, action in (rules or {}).items())
    return main.curate(request(spec, **options), Plan(None if table is None else Path(table), actions, dry_run))


def convert(spec: Spec, **options: Unpack[Options]) -> StageResult:
    """Decodes, sizes and pre-processes every image into shards; see `request` for the options."""
    return main.make(request(spec, **options), "convert")


def split(spec: Spec, **options: Unpack[Options]) -> StageResult:
    """Assigns every image to a split; see `request` for the options."""
    return main.make(request(spec, **options), "split")


def augment(spec: Spec, **options: Unpack[Options]) -> StageResult:
    """Makes new training images from old ones, and stress sets; see `request` for the options."""
    return main.make(request(spec, **options), "augment")


def diff(first: Path_, second: Path_) -> "Compared":
    """Compares two datasets, two outputs or two specs.

    Args:
        first: the folder of a stage, an output folder, or a spec file.
        second: another one of the same kind.

    Returns:
        The differences; ``diff(a, b).difference.same`` is the verdict.

    Raises:
        RequestError: there is no dataset, or the two are not of one kind.
    """
    from imgprep.commands import diff as comparing  # noqa: PLC0415 - only who compares pays for the import

    return comparing.diff(Path(first), Path(second))


def rebuild(spec: Spec, image: str, **options: Unpack[Options]) -> NDArray[Any]:
    """Makes one augmented image alone; see `request` for the options.

    Args:
        spec: the path of the spec file.
        image: its id: ``apple/0001.jpg#3``, ``apple/0001.jpg#inverted``.
        **options: see `request`.

    Returns:
        (H, W, C) the pixels, as the augment stage stores them.
    """
    return main.rebuild(request(spec, **options), image)


def pack(spec: Spec, **options: Unpack[Options]) -> StageResult:
    """Writes normalised, shuffled shards for every split; see `request` for the options."""
    return main.make(request(spec, **options), "pack")


def features(spec: Spec, **options: Unpack[Options]) -> StageResult:
    """Stores what a layer of a network says of each image; see `request` for the options."""
    return main.make(request(spec, **options), "features")


def run(spec: Spec, *, gate: bool = True, baseline: Path_ | None = None, **options: Unpack[Options]) -> Run:
    """Does all of it in order; a failed audit ends it, unless `gate` is false. See `request` for the options.

    What the `baseline`, an earlier report.json, knows does not fail again.
    """
    known = None if baseline is None else Path(baseline)
    return main.run(request(spec, **options), gate=gate, baseline=known)


def request(spec: Spec, **options: Unpack[Options]) -> Request:
    """Makes the request for the commands; see `Options`. Notes go to the logger ``imgprep``.

    Args:
        spec: the path of the spec file, or a mapping.
        **options: as in `Options`.

    Raises:
        RequestError: an option is unknown.
    """
    for name in options:
        if name not in Options.__annotations__:
            raise TypeError(unknown("option", name, list(Options.__annotations__)))
    settings, output = options.get("settings") or {}, options.get("output")
    seed, workers, force = options.get("seed"), options.get("workers"), bool(options.get("force"))
    monitor = LoggingMonitor(options.get("progress"))
    where = None if output is None else Path(output)
    if isinstance(spec, Mapping):
        given = {
            **settings,
            **{key: value for key, value in (("seed", seed), ("execution.workers", workers)) if value is not None},
        }
        content = with_settings(spec, given | ({} if where is None else {"output": str(absolute(where))}))
        return Request(Path.cwd(), force=force, monitor=monitor, content=content)
    overrides = [f"{key}={json.dumps(value)}" for key, value in settings.items()]
    return Request(Path(spec), overrides, where, seed, workers, force, monitor)
