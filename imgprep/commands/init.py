"""init: inspects a collection and writes a commented spec that runs on it."""

import json
import os
import re
import statistics
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from imgprep.commands.init_answers import UNASKED, Answers
from imgprep.commands.list_source import Listed, Listing, listing
from imgprep.dataset.manifest import commit
from imgprep.decoding.decode import DecodeOptions
from imgprep.engines import Settings, isolating
from imgprep.engines.base import Heartbeat
from imgprep.errors import ImageError, RequestError, one_line
from imgprep.pipeline.image_reader import ImageReader
from imgprep.pipeline.plan import ShardPlan
from imgprep.sources.base import Source
from imgprep.sources.detect import Recognised
from imgprep.sources.split_names import UnclearSplitError
from imgprep.spec.collection import SourceSection
from imgprep.spec.loading import LoadedSpec, load_spec, spec_from_mapping
from imgprep.spec.paths import check_paths
from imgprep.table.sample import SampleTable
from imgprep.util.output_file import check_output_file

LOOKED_AT: Final = 32
EXACT: Final = 512
"""Largest side in pixels up to which a size shared by all images is kept."""
SIDES: Final = (32, 64, 96, 128, 224)
PLAIN: Final = re.compile(r"[A-Za-z./][A-Za-z0-9_./-]*")
COLUMN: Final = 33
_ARRAYS: Final = {"idx", "npz", "hdf5"}
WORDS: Final = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "."}


class Look(NamedTuple):
    """The formats of some images.

    Attributes:
        sizes: (height, width) of each.
        gray: whether all have one channel.
        deep: whether all have 16 bits.
    """

    sizes: tuple[tuple[int, int], ...]
    gray: bool
    deep: bool

    def size(self) -> tuple[tuple[int, int], str]:
        """((height, width), reason): a suitable size for all images."""
        if not self.sizes:
            return (224, 224), "a common size; no image was looked at"
        if len(set(self.sizes)) == 1 and max(self.sizes[0]) <= EXACT:
            return self.sizes[0], "as the images are"
        middle = statistics.median(min(size) for size in self.sizes)
        side = max((side for side in SIDES if side <= middle), default=SIDES[0])
        least, most = min(self.sizes), max(self.sizes)
        seen = "{}x{} to {}x{}".format(*least, *most) if least != most else "{}x{}".format(*least)
        return (side, side), f"the images are {seen}"


class Started(NamedTuple):
    """A spec that was written.

    Attributes:
        spec: its path.
        notes: on the collection, for the user, one line each.
    """

    spec: Path
    notes: tuple[str, ...]


def init(path: Path, spec: Path | None, *, force: bool = False, answers: Answers = UNASKED) -> Started:
    """Recognises the layout of a collection and writes a spec that runs on it.

    Args:
        path: a folder of images, or a table or file that holds them.
        spec: path of the new spec; ``NAME.yaml`` in the working directory when omitted.
        force: overwrite an existing spec.
        answers: facts that cannot be recognised.

    Raises:
        RequestError: the spec exists already, the layout is unknown, or the collection is wrong.
        SourceError: the collection is refused as a whole.
        ResourceError: the spec cannot be written.
    """
    found = answers.recognise(path)
    name = _name(found.path)
    target = Path(f"{name}.yaml") if spec is None else spec
    check_output_file(target)
    if os.path.lexists(target) and not force:
        raise RequestError(f"{one_line(target)}: is there already; give another name with -o, or --force to overwrite")
    section = _section(found)
    source = section.source
    listed = _listed(section)
    table = listed.table
    if not table.ok().any():
        raise RequestError(f"{one_line(path)}: no images in the layout {found.layout}, which it looks like")
    text = draft(name, found, table, look(source, table), target)
    commit(target, text.encode())
    check_paths(load_spec(target))
    return Started(target, listed.notes)


def _listed(section: SourceSection) -> Listed:
    """Lists the source.

    Raises:
        RequestError: ``init`` cannot write a spec for it; for an unclear split, the message names the option.
    """
    try:
        return listing(Listing(section.source, None, section.splits), isolating(Settings(workers=1)))
    except UnclearSplitError as error:
        raise RequestError(f"{error}; init takes that as --split NAME=SPLIT, or --split ignore") from error


def _section(found: Recognised) -> SourceSection:
    loaded: LoadedSpec = spec_from_mapping(
        {"name": "x", "source": {"layout": found.layout, "path": str(found.path), **found.options}, "output": "x"}
    )
    section: SourceSection = loaded.spec.source
    return section


@dataclass(frozen=True, slots=True)
class _LookJob:
    """Decodes some images in a worker, as a hostile image may crash it."""

    reader: ImageReader

    def __call__(self, plan: ShardPlan[SampleTable], heartbeat: Heartbeat) -> list[tuple[tuple[int, ...], bool]]:
        seen = []
        for item, sample in enumerate(plan.items):
            heartbeat.at(item)
            if item not in plan.excluded:
                with suppress(ImageError):
                    pixels = self.reader(sample).pixels
                    seen.append((pixels.shape, pixels.dtype == np.uint16))
        heartbeat.done()
        return seen


def look(source: Source, table: SampleTable) -> Look:
    """Decodes some images, spread over the collection; remote ones are skipped."""
    usable = np.flatnonzero(table.ok())
    rows = usable[np.unique(np.linspace(0, len(usable) - 1, min(LOOKED_AT, len(usable))).astype(int))]
    near = [row for row in rows.tolist() if "://" not in table.location[row]]
    if not near:
        return Look((), gray=False, deep=False)
    plan = ShardPlan(0, "look", None, table[np.array(near)], "")
    seen: list[tuple[tuple[int, ...], bool]] = []
    for outcome in isolating(Settings(workers=1)).run(_LookJob(ImageReader(source, DecodeOptions())), [plan]):
        if outcome.error is not None:
            raise outcome.error
        seen += outcome.value or []
    return Look(
        tuple((height, width) for (height, width, _), _ in seen),
        gray=bool(seen) and all(shape[2] == 1 for shape, _ in seen),
        deep=bool(seen) and all(deep for _, deep in seen),
    )


def draft(name: str, found: Recognised, table: SampleTable, seen: Look, target: Path) -> str:
    """The text of the spec.

    Args:
        name: of the dataset.
        found: the layout.
        table: every entry of the collection.
        seen: formats of some images.
        target: path of the spec; paths in it are relative to its folder.
    """
    (height, width), why = seen.size()
    classes = len(table.classes())
    images = table.images()
    lines = [
        f"# {images} images of {classes} classes, as imgprep init found them. Every key is explained in the README.",
        f"# Run it:  imgprep run {_plain(target.name)}      Relative paths are relative to this file.",
        "",
        f"name: {_plain(name)}",
        "",
        "source:",
        *_source_lines(found, target),
        "  # attributes: attributes.csv   # a table of what is known of each image: id and any columns",
        "  # decisions: decisions.csv     # images to leave out, label anew or keep; imgprep curate proposes it",
        "",
        f"output: {_plain(_output(name, found, target))}",
        "seed: 101                        # same spec, same source, same seed: the same bytes",
        "",
        "audit:",
        "  rules:",
        "    class-size: {min: 1000}      # of each class; with fewer the audit fails, and run stops without --no-gate",
        "",
        "convert:",
        _noted(f"  channels: {'gray' if seen.gray else 'rgb'}", "rgb | gray | keep"),
        _noted(f"  size: [{height}, {width}]", f"height, width; {why}"),
        "  fit: stretch                   # stretch | pad | crop",
        *(["  depth: 16                      # as the images are; 8 halves the size"] if seen.deep else []),
        "  steps: []                      # such as [clahe, invert], in this order",
        "",
        "split:",
        *_split_lines(table),
        "  # group: ATTRIBUTE             # images with the same value never part, such as those of one patient",
        "",
        "pack:",
        "  format: hdf5                   # hdf5 | npz",
        "  dtype: float32",
        "  normalize: unit                # 0 to 1; or {standardize: channel}, torch-imagenet ...",
        "  labels: index                  # index | one_hot",
        "",
    ]
    return "\n".join(lines)


def _source_lines(found: Recognised, target: Path) -> Iterator[str]:
    yield f"  layout: {found.layout}"
    yield f"  path: {_plain(_relative(found.path, target))}"
    for key, value in found.options.items():
        text = _relative(Path(value), target) if key == "image_root" and isinstance(value, str) else value
        yield f"  {key}: {_plain(text) if isinstance(text, str) else json.dumps(text)}"
    if found.layout in {"csv", "json"}:
        if "image_root" not in found.options:
            yield "  # image_root: images           # the folder that locations are relative to; left out: the table's"
        if "extension" not in found.options:
            yield "  # extension: jpg               # of files, where the locations have none"
    if found.layout in {"csv", "json", "directory", "split_directory", "hierarchy"}:
        yield "  # follow_links: anywhere       # also out of the folder, as DVC and git-annex need; left out: inside"
    if found.layout in {"hierarchy", "hdf5"}:
        yield "  # level: 1                     # the label is the path (cat/persian); 1 takes its first part (cat)"
    names, note = ("[zero, one]", ", the names of labels 0, 1 ...") if found.layout in _ARRAYS else ("[cat, dog]", "")
    yield _noted(f"  # classes: {names}", f"every class in index order{note}; left out: those that have images")


def _split_lines(table: SampleTable) -> Iterator[str]:
    if any(given := table.split[np.flatnonzero(table.ok())].counts()):
        shown = ", ".join(f"{name} {count}" for name, count in sorted(given.items()))
        yield f"  method: predefined             # the source has splits of its own: {shown}"
        if "validation" not in table.split.counts():
            yield "  # validation: 0.1              # of the training images; none when left out"
        return
    yield "  test: auto                     # 20 %, 10 % or 5 %, by the number of images; or a fraction or a count"
    yield "  validation: 0.1                # of what remains after the test images"
    yield "  method: stratified             # stratified | random | hash | kfold"


def _name(path: Path) -> str:
    """The name of a dataset after its folder or file, safe as a file name everywhere."""
    resolved = path.resolve()
    stem = resolved.name if resolved.is_dir() else resolved.name.partition(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-") or "dataset"


def _output(name: str, found: Recognised, target: Path) -> str:
    """A folder next to the spec, or next to the source when the spec lies inside the source."""
    folder = target.absolute().parent.resolve()
    images = found.path.resolve()
    if images.is_dir() and folder.is_relative_to(images):
        return _relative(images.parent / f"{images.name}-prepared", target)
    return f"build/{name}"


def _relative(path: Path, target: Path) -> str:
    try:
        return Path(os.path.relpath(path.resolve(), target.absolute().parent.resolve())).as_posix()
    except ValueError:  # another drive
        return path.resolve().as_posix()


def _plain(text: str) -> str:
    """Text as a YAML scalar, quoted where necessary."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RequestError(f"{one_line(text)}: no valid Unicode, which a spec cannot hold; rename it") from None
    safe = PLAIN.fullmatch(text) and text.casefold() not in WORDS
    return text if safe or text in {".", ".."} else json.dumps(text, ensure_ascii=not text.isprintable())


def _noted(line: str, comment: str) -> str:
    return f"{line:<{COLUMN}}# {comment}"
