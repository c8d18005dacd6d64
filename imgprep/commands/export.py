"""export: a finished dataset as files of another format, with a card."""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from imgprep.dataset.export import EXPORTS
from imgprep.dataset.export.base import SUFFIXES, Export
from imgprep.dataset.export.card import CROISSANT, describe
from imgprep.dataset.loader import Dataset, load
from imgprep.dataset.manifest import INDEX, Manifest, no_dataset, read_manifest
from imgprep.dataset.records import usable_records
from imgprep.dataset.targets import described_targets
from imgprep.errors import RequestError, one_line
from imgprep.settings.problems import unknown
from imgprep.util.output_file import check_new_folder

_STAGES: Final = ("pack", "augment", "convert")
"""Stages of an output that hold pixels before any normalisation, in order of preference."""
_ORIGINALS: Final = ("link", "symlink", "copy")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Options of an export.

    Attributes:
        to: the format.
        files: link, symlink, copy, png, webp, jpeg or jpeg:QUALITY.
        source: the folder of the original files; None if not given.
        force: an earlier export is replaced.
    """

    to: str
    files: str = "png"
    source: Path | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class Exported:
    """Counts of an export: the images, and those left out: in no split, or copies that have no original file."""

    images: int
    left_out: int


def export(folder: Path, target: Path, wanted: Wanted) -> Exported:
    """Exports a dataset.

    Args:
        folder: of a stage, or an output.
        target: new, or empty.
        wanted: the format and what files are written.

    Raises:
        RequestError: the dataset has no pixels, the target is not empty, or an option is wrong.
    """
    files, encoding, quality = _files(wanted)
    if wanted.to not in EXPORTS:
        raise RequestError(f"--to: {unknown('format', wanted.to, list(EXPORTS))}")
    write = EXPORTS[wanted.to]
    chosen = _pixels(folder)
    _check_target((folder, *([] if wanted.source is None else [wanted.source])), target, force=wanted.force)
    manifest = read_manifest(chosen)
    assert manifest.image is not None  # it was chosen for its images
    splits = manifest.splits()
    parts: tuple[Dataset, ...] = tuple(load(chosen, name) for name in splits) or (load(chosen),)
    records = {record.id: record for record in usable_records(chosen)}
    beside = None if splits else _splits(chosen.parent)
    channels = manifest.image.shape[2]
    color = manifest.image.color or ("gray" if channels == 1 else "RGB")
    if channels not in (1, 3):
        raise RequestError(f"{one_line(chosen)}: images of {channels} channels cannot be exported as image files")
    dataset = Export(parts, records, beside, color, encoding, quality, files, wanted.source)
    parent = target.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".tmp-{target.name}-", dir=parent))
    temporary = work / "new"
    temporary.mkdir()
    counts: dict[str, Counter[str]] = {}
    licenses: set[str] = set()
    try:
        for image in write(dataset, temporary):
            counts.setdefault(image.split, Counter())[image.label] += 1
            licenses.add(image.record.attributes.get("license", ""))
        describe(temporary, wanted.to, manifest, counts, _targets(manifest) | _notes(chosen.parent, licenses))
        if target.exists():
            target.rename(work / "old")  # it goes only when the new one has its place
        temporary.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    images = sum(split.total() for split in counts.values())
    return Exported(images, sum(map(len, parts)) - images)


def _notes(output: Path, licenses: set[str]) -> dict[str, str]:
    """Facts for the card: licences, where the images name them, and the audit of an output, where there is one."""
    notes = {"Licences": ", ".join(sorted(licenses - {""}))} if licenses - {""} else {}
    try:
        report = json.loads((output / "audit" / "report.json").read_bytes())
        notes["Audit"] = f"{'passed' if report['passed'] else 'failed'} on {report['images']} images"
    except (OSError, ValueError, KeyError, TypeError):
        return notes  # an export needs no audit
    return notes


def _targets(manifest: Manifest) -> dict[str, str]:
    """What the card says of targets."""
    told = []
    for target in described_targets(manifest.targets):
        classes = f" of {', '.join(target.classes)}" if target.classes else ""
        told.append(f"{target.name} ({target.kind}{classes})")
    return {"Targets": "; ".join(told)} if told else {}


def _files(wanted: Wanted) -> tuple[str, str, int]:
    """The format, the encoding of pixels, and the quality of JPEG."""
    name, colon, quality = wanted.files.partition(":")
    if name in _ORIGINALS and not colon:
        if wanted.to != "imagefolder":
            raise RequestError(f"--files {name}: only --to imagefolder has original files")
        if wanted.source is None:
            raise RequestError(f"--files {name}: a dataset does not record where its source is; give --source FOLDER")
        return name, "png", 95
    if name not in SUFFIXES or (colon and name != "jpeg"):
        raise RequestError(f"--files: {unknown('kind', wanted.files, [*_ORIGINALS, *SUFFIXES])}")
    if colon and not (quality.isascii() and quality.isdigit() and 1 <= int(quality) <= 100):
        raise RequestError(f"--files {one_line(wanted.files)}: the quality is a whole number from 1 to 100")
    return "converted", name, int(quality) if colon else 95


def _pixels(folder: Path) -> Path:
    """The folder of the stage whose pixels are exported."""
    if (folder / INDEX).is_file() and read_manifest(folder).image is not None:
        candidates = [folder]
    else:
        output = folder.parent if (folder / INDEX).is_file() else folder
        candidates = [output / stage for stage in _STAGES if (output / stage / INDEX).is_file()]
    if not candidates:
        raise no_dataset(folder)
    for each in candidates:
        image = read_manifest(each).image
        if image is not None and np.dtype(image.dtype) == np.uint8:
            return each
    raise RequestError(f"{one_line(folder)}: holds no pixels of uint8; export the output, or its convert folder")


def _splits(output: Path) -> dict[str, str] | None:
    """The splits of the images of an output; None before the split."""
    if not (output / "split" / INDEX).is_file():
        return None
    return {record.id: record.split for record in usable_records(output / "split") if record.split}


def _check_target(read: Iterable[Path], target: Path, *, force: bool) -> None:
    """Refuses a target that is not empty, or lies in or around what is read: it may be replaced."""
    name, whole = one_line(target), target.resolve()
    for data in (folder.resolve() for folder in read):
        if whole == data or data in whole.parents or whole in data.parents:
            raise RequestError(f"{name}: is in or around {one_line(data)}; give another folder to -o")
    if not target.exists() and not target.is_symlink():
        check_new_folder(target.absolute().parent)
        return
    if target.is_symlink() or not target.is_dir():
        raise RequestError(f"{name}: is no folder; give a new one to -o")
    if not any(target.iterdir()) or (force and (target / CROISSANT).is_file()):
        return
    advice = "is not an export, so it is not replaced" if force else "is not empty; --force replaces an earlier export"
    raise RequestError(f"{name}: {advice}")
