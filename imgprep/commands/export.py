"""export: a finished dataset as files of another format, with a card."""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from imgprep.commands.export_pixels import stored_pixels
from imgprep.commands.stored_dataset import on_disk
from imgprep.dataset.export import EXPORTS
from imgprep.dataset.export.base import SHARD_SIZE, SUFFIXES, Export
from imgprep.dataset.export.card import CROISSANT, Described, describe
from imgprep.dataset.loader import Dataset, load
from imgprep.dataset.manifest import INDEX, Manifest, read_manifest
from imgprep.dataset.records import SampleRecord, usable_records
from imgprep.dataset.targets import described_targets
from imgprep.errors import RequestError, one_line
from imgprep.settings.problems import unknown
from imgprep.util.output_file import check_new_folder
from imgprep.util.quantity import quantity
from imgprep.util.sizes import parse_size

_ORIGINALS: Final = ("link", "symlink", "copy")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Options of an export.

    Attributes:
        to: the format.
        files: link, symlink, copy, png, webp, jpeg or jpeg:QUALITY.
        source: the folder of the original files; None if not given.
        force: an earlier export is replaced.
        shard_size: of the images in a shard, such as 500 MB; None for the usual one.
    """

    to: str
    files: str = "png"
    source: Path | None = None
    force: bool = False
    shard_size: str | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """The outcome of an export.

    Attributes:
        images: how many were exported.
        left_out: how many were not: in no split, or copies that have no original file.
        note: which pixels were taken; '' where the original files were.
    """

    images: int
    left_out: int
    note: str = ""


def export(folder: Path, target: Path, wanted: Wanted) -> Exported:
    """Exports a dataset.

    Args:
        folder: of a stage, or an output.
        target: new, or empty.
        wanted: the format and what files are written.

    Raises:
        RequestError: the dataset has no pixels, the target is not empty, or an option is wrong.
    """
    if wanted.to not in EXPORTS:
        raise RequestError(f"--to: {unknown('format', wanted.to, list(EXPORTS))}")
    _files(wanted)
    with on_disk(folder) as copy:
        return _exported(copy, target, wanted)


def _exported(folder: Path, target: Path, wanted: Wanted) -> Exported:
    files, encoding, quality = _files(wanted)
    size = SHARD_SIZE if wanted.shard_size is None else _size(wanted)
    form, stored = EXPORTS[wanted.to], stored_pixels(folder, encoding)
    _check_target((folder, *([] if wanted.source is None else [wanted.source])), target, force=wanted.force)
    first = stored.folders[0]
    manifest = read_manifest(first)
    parts, records = list[Dataset](), dict[str, SampleRecord]()
    for each in stored.folders:
        parts += [load(each, name) for name in read_manifest(each).splits()] or [load(each)]
        records |= {record.id: record for record in usable_records(each) if record.shard is not None}
    beside = None if manifest.splits() else _splits(first.parent)
    dataset = Export(tuple(parts), records, beside, stored.color, encoding, quality, files, wanted.source, size)
    parent = target.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".tmp-{target.name}-", dir=parent))
    temporary = work / "new"
    temporary.mkdir()
    counts: dict[str, Counter[str]] = {}
    licenses: set[str] = set()
    try:
        for image in form.write(dataset, temporary):
            counts.setdefault(image.split, Counter())[image.label] += 1
            licenses.add(_license(image.record.attributes))
        pixels = {"Pixels": stored.note} if files == "converted" else {"Files": f"the original ones ({files})"}
        notes = pixels | _targets(manifest) | _notes(first.parent, manifest, licenses)
        describe(temporary, form, dataset, Described(wanted.to, manifest, counts, frozenset(licenses), notes))
        if target.exists():
            target.rename(work / "old")  # it goes only when the new one has its place
        temporary.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    images = sum(split.total() for split in counts.values())
    return Exported(images, sum(map(len, parts)) - images, stored.note if files == "converted" else "")


def _license(attributes: Mapping[str, str]) -> str:
    """The licence of an image, however the column spells its name."""
    return next((value for name, value in attributes.items() if name.casefold() in {"license", "licence"}), "")


def _notes(output: Path, manifest: Manifest, licenses: set[str]) -> dict[str, str]:
    """Facts for the card: licences, where the images name them, decisions, and the audit, where there was one."""
    notes = {"Licences": ", ".join(sorted(licenses - {""}))} if licenses - {""} else {}
    if licenses > {""}:
        notes["Licences"] += "; some images have none recorded"
    if manifest.decisions is not None:
        done = (f"{manifest.decisions[name]} {name}" for name in ("excluded", "relabelled", "kept"))
        notes["Decisions"] = f"{', '.join(done)} by people, one by one"
    try:
        report = json.loads((output / "audit" / "report.json").read_bytes())
        failed = Counter(str(each["severity"]) for each in report["findings"] if each["status"] == "fail")
        reviewed = [str(each["message"]) for each in report["findings"] if each["rule"] == "label-errors"]
        found = ", ".join(quantity(failed[name], name) for name in ("error", "warning"))
        verdict = "passed" if report["passed"] else "failed"
        audit = {"Audit": f"{verdict} on {report['images']} images, {found}", "Labels": "; ".join(reviewed)}
    except (OSError, ValueError, KeyError, TypeError):
        return notes  # an export needs no audit
    return notes | {title: text for title, text in audit.items() if text}


def _targets(manifest: Manifest) -> dict[str, str]:
    """Describes targets for the card."""
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


def _size(wanted: Wanted) -> int:
    """The size of a shard in bytes."""
    if wanted.to == "imagefolder":
        raise RequestError("--shard-size: --to imagefolder has no shards; leave it out")
    text = str(wanted.shard_size)
    try:
        return parse_size(int(text) if text.isascii() and text.isdigit() else text)
    except ValueError as error:
        raise RequestError(f"--shard-size: {error}") from None


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
