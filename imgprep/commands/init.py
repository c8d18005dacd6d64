"""init: inspects a collection and writes a commented spec that runs on it."""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from imgprep.commands.init_answers import UNASKED, Answers
from imgprep.commands.init_check import Verdict, verdict
from imgprep.commands.init_draft import SCHEMA, draft
from imgprep.commands.init_look import Look, look
from imgprep.commands.list_source import Listed, Listing, listing
from imgprep.dataset.manifest import commit
from imgprep.engines import Settings, isolating
from imgprep.errors import RequestError, one_line
from imgprep.sources.detect import Recognised
from imgprep.sources.split_names import UnclearSplitError
from imgprep.spec.collection import SourceSection
from imgprep.spec.loading import LoadedSpec, load_spec, spec_from_mapping
from imgprep.spec.paths import check_paths
from imgprep.spec.schema import json_schema
from imgprep.table.sample import SampleTable
from imgprep.util.output_file import check_output_file

CLASSES: Final = 12
"""Classes whose counts are said."""


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
    seen = look(source, table)
    judged = verdict({"layout": found.layout, "path": str(found.path), **found.options}, seen.size()[0], table)
    text = draft(name, found, table, seen, judged, target)
    commit(target.with_name(SCHEMA), (json.dumps(json_schema(), indent=1) + "\n").encode())
    commit(target, text.encode())
    check_paths(load_spec(target))
    return Started(target, (*_found_notes(found, table, seen), *listed.notes, *_verdict_notes(judged)))


def _found_notes(found: Recognised, table: SampleTable, seen: Look) -> Iterator[str]:
    """The findings as text: layout, classes, sizes and skipped files."""
    usable = np.flatnonzero(table.ok())
    counts = Counter(table.label[usable].counts())
    listed = ", ".join(f"{one_line(name or 'no class', 40)} {count}" for name, count in counts.most_common(CLASSES))
    more = f" and {len(counts) - CLASSES} more" if len(counts) > CLASSES else ""
    yield f"layout {found.layout}: {len(usable)} images of {len(counts)} classes: {listed}{more}"
    taken = [f"{value} as {key.removesuffix('_column')}" for key, value in found.options.items() if "column" in key]
    if taken:
        yield f"columns: {one_line(', '.join(taken), 200)}"
    if seen.sizes:
        yield f"height and width of {len(seen.sizes)} images looked at: {seen.extent()}"
    skipped = len(table) - table.images()
    if skipped:
        first = next(row for row in range(len(table)) if table.status[row] == "skipped")
        what = "1 file is no image and is" if skipped == 1 else f"{skipped} files are no images and are"
        yield f"{what} skipped, such as {one_line(table.location[first], 120)}"


def _verdict_notes(judged: Verdict) -> Iterator[str]:
    if judged.failing:
        yield f"rules that fail by the handbook are warnings in the spec: {', '.join(judged.failing)}"
    if judged.unreadable:
        what = "1 image" if len(judged.unreadable) == 1 else f"{len(judged.unreadable)} images"
        yield f"{what} cannot be read, such as {one_line(judged.unreadable[0], 120)}"
    if not judged.measured:
        yield "only names and labels were judged; imgprep audit looks at the images"


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


def _name(path: Path) -> str:
    """The name of a dataset after its folder or file, safe as a file name everywhere."""
    resolved = path.resolve()
    stem = resolved.name if resolved.is_dir() else resolved.name.partition(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-") or "dataset"
