"""The commands verify, show and doctor."""

import importlib.util
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from imgprep.commands.stored_dataset import on_disk, renamed
from imgprep.dataset.integrity import Difference, index_differences
from imgprep.dataset.manifest import INDEX, SAMPLES, Manifest, no_dataset, read_manifest
from imgprep.dataset.verify import verify as find_differences
from imgprep.engines import Settings, isolating
from imgprep.engines.base import Outcome, Runner
from imgprep.engines.guarantees import guarantees
from imgprep.errors import RequestError, one_line
from imgprep.pipeline.runner import Monitor
from imgprep.stages import STAGES
from imgprep.util.addresses import shown_path
from imgprep.util.installation import PACKAGES, opencv_wheels, problems, version
from imgprep.util.locking import can_lock
from imgprep.util.native import OPENCV, SWITCH
from imgprep.util.quantity import quantity
from imgprep.util.resources import available_cores, available_memory

EXTRAS: Final = {
    "hdf5plugin": ("hdf5plugin", "more compressions"),
    "obstore": ("obstore", "object stores"),
    "fsspec": ("fsspec", "further object stores"),
    "distributed": ("distributed", "engine dask"),
    "ray": ("ray", "engine ray"),
    "cleanlab": ("cleanlab", "suspects of wrong labels"),
    "pi_heif": ("pi-heif", "HEIC"),
    "pillow_heif": ("pillow-heif", "HEIC, in the place of pi-heif"),
    "pillow_jxl": ("pillow-jxl-plugin", "JPEG XL"),
}
"""Module -> the name of its package, and the purpose."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome of verify.

    Attributes:
        stages: (folder, index) of the checked stages with a readable index.
        differences: (folder, difference); empty when all stages are intact.
    """

    stages: tuple[tuple[Path, Manifest], ...]
    differences: tuple[tuple[Path, Difference], ...]

    @property
    def passed(self) -> bool:
        """True if all stages are intact."""
        return not self.differences

    def text(self) -> str:
        """One line per difference, or per stage when all are intact."""
        if self.differences:
            return "\n".join(f"{one_line(folder)}/{difference}" for folder, difference in self.differences)
        return "\n".join(f"{one_line(folder)}: ok, {_extent(manifest)}" for folder, manifest in self.stages)

    def json(self) -> str:
        """The outcome as JSON."""
        differences = [{"stage": shown_path(folder), **asdict(difference)} for folder, difference in self.differences]
        return json.dumps({"passed": self.passed, "differences": differences}, indent=2)


@dataclass(frozen=True, slots=True)
class Facts:
    """The findings of doctor.

    Attributes:
        lines: names and values.
        problems: to be fixed, one line each.
    """

    lines: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]


def show(folder: Path) -> list[tuple[Path, Manifest]]:
    """The finished stages in a folder: itself, or those below it.

    Raises:
        RequestError: there is no finished stage.
    """
    with on_disk(folder, [INDEX]) as copy:
        stages = _finished(copy)
        if not stages:
            raise no_dataset(folder)
        return [(renamed(stage, copy, folder), read_manifest(stage)) for stage in stages]


def _finished(folder: Path, *, lost: bool = False) -> list[Path]:
    """The folders of finished stages: this one, or those below it; with `lost` also those whose index is missing."""

    def there(stage: Path) -> bool:
        # Reading the index gives a better message for a pipe or folder. samples.jsonl is written last but one.
        return os.path.lexists(stage / INDEX) or (lost and (stage / SAMPLES).is_file())

    return [folder] if there(folder) else [folder / name for name in STAGES if there(folder / name)]


def verify(folder: Path, workers: int | None, monitor: Monitor) -> Checked:
    """Re-reads every finished stage in a folder; a stage whose index is lost or unreadable is damaged.

    Of a dataset in an object store every byte is fetched again.

    Raises:
        RequestError: there is no finished stage, or another version of imgprep wrote it.
        ResourceError: the store fails.
    """
    with on_disk(folder) as copy:
        checked = _verified(copy, folder, workers, monitor)
        stages = tuple((renamed(stage, copy, folder), manifest) for stage, manifest in checked.stages)
        differences = tuple((renamed(stage, copy, folder), found) for stage, found in checked.differences)
        return Checked(stages, differences)


def _verified(folder: Path, name: Path, workers: int | None, monitor: Monitor) -> Checked:
    """The same of a folder on disk, which is called by another name."""
    folders = _finished(folder, lost=True)
    if not folders:
        show(folder)
    engine = isolating(Settings(workers or available_cores(), item_timeout=3600.0))
    stages, differences = [], list[tuple[Path, Difference]]()
    for stage in folders:
        try:
            manifest = read_manifest(stage)
        except RequestError as error:
            if not list(index_differences(stage)):
                raise  # intact, but of another version of imgprep
            lost = not os.path.lexists(stage / INDEX)
            reason = "is missing; rerun the stage" if lost else one_line(str(error).removeprefix(f"{stage / INDEX}: "))
            differences.append((stage, Difference(INDEX, (), reason)))
            continue
        stages.append((stage, manifest))
        if manifest.shards:
            monitor.begin(
                f"verify {one_line(renamed(stage, folder, name))}", sum(shard.samples for shard in manifest.shards)
            )
        differences += [(stage, found) for found in find_differences(stage, manifest, _Watched(engine, monitor))]
        if manifest.shards:
            monitor.end()
    return Checked(tuple(stages), tuple(differences))


@dataclass(frozen=True, slots=True)
class _Watched:
    """An engine that reports the number of checked rows to a monitor."""

    engine: Runner
    monitor: Monitor

    def run(
        self, function: Any, plans: Iterable[Any], progress: Callable[[int], None] | None = None
    ) -> Iterator[Outcome[Any, Any]]:
        """See `Engine.run`; a plan is a shard."""
        for outcome in self.engine.run(function, plans, progress):
            yield outcome
            self.monitor.advance(outcome.plan.entry.samples)


def json_of(stages: list[tuple[Path, Manifest]]) -> str:
    """The indexes as JSON."""
    content = {shown_path(folder): json.loads(manifest.to_json()) for folder, manifest in stages}
    return json.dumps(next(iter(content.values())) if len(content) == 1 else content, indent=2)


def doctor() -> Facts:
    """Collects the facts about the environment that belong in a bug report."""
    lines = [
        ("imgprep", version("imgprep") or "not installed"),
        ("Python", f"{platform.python_version()} in {sys.prefix}"),
        ("System", platform.platform()),
        ("Cores", f"{available_cores()} that this container may use"),
        ("Memory", f"{available_memory() / 2**30:.1f} GiB that this container may use"),
        *guarantees(),
        ("Output lock", "enforced" if can_lock() else "none: set execution.lock: false, and run one command at a time"),
        ("OpenCV", ", ".join(f"{name} {found}" for name, found in opencv_wheels().items()) or "not installed"),
        *((name, version(name) or "not installed") for name in PACKAGES.values()),
        ("Area resize", _native_or_opencv("area", "area_resizer")),
        ("Affine warp", _native_or_opencv("affine", "affine_warper")),
    ]
    for module, (package, purpose) in EXTRAS.items():
        there = importlib.util.find_spec(module) is not None
        lines.append((package, version(package) if there else f"not installed (optional: {purpose})"))
    return Facts(tuple(lines), problems())


def _native_or_opencv(module: str, function: str) -> str:
    """The code that does a transform, as that function says, and why it is not the fastest."""
    try:
        name: str = getattr(importlib.import_module(f"imgprep.transforms.{module}"), function)()
    except (ImportError, AttributeError):  # no OpenCV, which its own line says
        return "none"
    if name != OPENCV:
        return f"{name}, with the pixels of OpenCV"
    if os.environ.get(SWITCH) == "0":
        return f"{name}, because {SWITCH} is 0"
    if importlib.util.find_spec("imgprep._native") is None:
        return f"{name}; imgprep._native, which is faster, was not built: that needs a C compiler"
    return f"{name}; imgprep._native cannot do it on this machine, or not with its pixels"


def _extent(manifest: Manifest) -> str:
    """The extent of a checked stage as text."""
    if not manifest.shards:
        return f"{manifest.samples['found']} entries of samples.jsonl, no shards"
    rows = sum(shard.samples for shard in manifest.shards)
    return f"{quantity(rows, 'row')} in {quantity(len(manifest.shards), 'shard')}"
