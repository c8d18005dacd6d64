"""The text of the spec that `init` writes."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from imgprep.commands.init_check import Verdict
from imgprep.commands.init_groups import GroupColumn
from imgprep.commands.init_look import Look
from imgprep.commands.init_tables import ImageTable
from imgprep.errors import RequestError, one_line
from imgprep.sources.detect import Recognised
from imgprep.table.sample import SampleTable
from imgprep.table.targets import SEPARATOR
from imgprep.util.addresses import is_address, shown_path
from imgprep.util.quantity import quantity

SCHEMA: Final = "imgprep.schema.json"
"""The file beside the spec by which editors complete and check it."""
PLAIN: Final = re.compile(r"[A-Za-z./][A-Za-z0-9_./-]*")
COLUMN: Final = 33
_PATHS: Final = {"image_root", "attributes"}
_ARRAYS: Final = {"idx", "npz", "hdf5"}
_UNLABELLED: Final = (
    "# Without labels the images can be audited, and no dataset be made of them. Labels come from the file names",
    "# (source.label_from), from a folder for each class, or from a table (layout: csv).",
)
WORDS: Final = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "."}


class Facts(NamedTuple):
    """A collection as `init` found it.

    Attributes:
        layout: of it, with the options of its source.
        table: every entry.
        seen: formats of some images.
        groups: the columns that look like groups, the one to split by first.
        tables: that have a row for nearly every image.
    """

    layout: Recognised
    table: SampleTable
    seen: Look
    groups: tuple[GroupColumn, ...] = ()
    tables: tuple[ImageTable, ...] = ()

    @property
    def labelled(self) -> bool:
        """False if the images have no labels."""
        return self.layout.options.get("labels") != "none"

    @property
    def trainable(self) -> bool:
        """True if a dataset can be made of it: it has labels, or several for each image."""
        return self.labelled or bool(self.layout.tags)

    def group(self) -> str | None:
        """The column to split by; None where there is none, or the source has groups of its own."""
        first = next(iter(self.groups), None)
        return first.name if first is not None and first.fits and not any(self.table.group.counts()) else None


def draft(name: str, facts: Facts, judged: Verdict, target: Path) -> str:
    """The text of the spec.

    Args:
        name: of the dataset.
        facts: the collection.
        judged: how the collection does by the default rules.
        target: path of the spec; paths in it are relative to its folder.
    """
    found, table, seen = facts.layout, facts.table, facts.seen
    (height, width), why = seen.size()
    classes = f"of {quantity(len(table.classes()), 'class')}" if facts.labelled else "without labels"
    images = table.images()
    fit, shapes = seen.fit()
    classes = "with several labels each" if found.tags else classes
    command = "run" if facts.trainable else "audit"
    lines = [
        f"# {quantity(images)} {classes}, as imgprep init found them. Every key is explained in the documentation.",
        f"# Run it:  imgprep {command} {_plain(target.name)}      Relative paths are relative to this file.",
        f"# yaml-language-server: $schema={SCHEMA}",
        "",
        f"name: {_plain(name)}",
        "",
        "source:",
        *_source_lines(found, target),
        *_attribute_lines(facts, target),
        "  # decisions: decisions.csv     # images to leave out, label anew or keep; imgprep curate proposes it",
        "",
        f"output: {_plain(_output(name, found, target))}",
        "seed: 101                        # same spec, same source, same seed: the same bytes",
        *_target_lines(found),
        "",
        "audit:",
        "  rules:                         # an error fails the audit, and run stops without --no-gate",
        *_rule_lines(judged),
        "",
        "convert:",
        _noted(f"  channels: {'gray' if seen.gray else 'rgb'}", "rgb | gray | keep"),
        _noted(f"  size: [{height}, {width}]", f"height, width; {why}"),
        _noted(f"  fit: {fit}", shapes),
        *(["  depth: 16                      # as the images are; 8 halves the size"] if seen.deep else []),
        "  steps: []                      # such as [clahe, invert], in this order",
        "",
        *(_dataset_lines(facts) if facts.trainable else _UNLABELLED),
        "",
        *_execution_lines(judged),
    ]
    return "\n".join(lines)


def _target_lines(found: Recognised) -> Iterator[str]:
    if found.tags:
        columns = json.dumps(found.tags, ensure_ascii=False) if len(found.tags) > 1 else _plain(found.tags[0])
        more = "" if found.separator == SEPARATOR else f", separator: {_plain(found.separator)}"
        yield ""
        yield "targets:                         # further answers for each image; without labels, all are of one class"
        yield f"  tags: {{many: {columns}{more}}}"
    elif found.layout in {"csv", "json"}:
        yield "# targets: {price: number}       # further answers from columns: category, number or many (cat|dog)"


def _dataset_lines(facts: Facts) -> Iterator[str]:
    yield "split:"
    yield from _split_lines(facts.table)
    yield from _group_lines(facts)
    yield from (
        "",
        "pack:",
        "  format: hdf5                   # hdf5 | npz",
        "  dtype: float32",
        "  normalize: unit                # 0 to 1; or {standardize: channel}, torch-imagenet ...",
        "  labels: index                  # index | one_hot",
    )


def _group_lines(facts: Facts) -> Iterator[str]:
    chosen = facts.group()
    for column in facts.groups:
        told = f"{column.groups} groups of up to {column.largest} images"
        if column.name == chosen:
            yield _noted(f"  group: {_plain(column.name)}", f"{told}: images of one never part")
        elif column.name.casefold() != "group":
            why = "" if column.fits else ", too few or too large to split by"
            yield _noted(f"  # group: {_plain(column.name)}", f"{told}{why}")
    if not facts.groups:
        yield "  # group: ATTRIBUTE             # images with the same value never part, such as those of one patient"


def _rule_lines(judged: Verdict) -> Iterator[str]:
    """The rules at the handbook's values; those that fail now are warnings until the collection is mended."""
    if "class-size" not in judged.failing:
        yield _noted("    class-size: {min: 1000}", "images of each class")
    for rule, message in judged.failing.items():
        minimum = "min: 1000, " if rule == "class-size" else ""
        yield f"    {rule}: {{{minimum}severity: warning}}   # an error by default: {message}"


def _execution_lines(judged: Verdict) -> Iterator[str]:
    if judged.unreadable:
        yield "execution:"
        yield _noted(f"  max_quarantined: {len(judged.unreadable)}", "images that cannot be read; 0 by default")
        yield ""


def _source_lines(found: Recognised, target: Path) -> Iterator[str]:
    yield f"  layout: {found.layout}"
    yield f"  path: {_plain(_relative(found.path, target))}"
    for key, value in found.options.items():
        text = _relative(Path(value), target) if key in _PATHS and isinstance(value, str) else value
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
    if found.layout in {"csv", "json"} and "split_column" not in found.options:
        yield "  # split_column: usage          # of the splits; left out: one called split"
    if found.options.get("labels") == "none":
        return
    names, note = ("[zero, one]", ", the names of labels 0, 1 ...") if found.layout in _ARRAYS else ("[cat, dog]", "")
    yield _noted(f"  # classes: {names}", f"every class in index order{note}; left out: those that have images")


def _attribute_lines(facts: Facts, target: Path) -> Iterator[str]:
    if "attributes" in facts.layout.options:
        return
    for table in facts.tables:
        yield _noted(f"  # attributes: {_plain(_relative(table.path, target))}", "a table of these images")
    if not facts.tables:
        yield "  # attributes: attributes.csv   # a table of what is known of each image: id and any columns"


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


def _output(name: str, found: Recognised, target: Path) -> str:
    """A folder next to the spec, or next to the source when the spec lies inside the source."""
    folder = target.absolute().parent.resolve()
    images = found.path.resolve()
    if images.is_dir() and folder.is_relative_to(images):
        return _relative(images.parent / f"{images.name}-prepared", target)
    return f"build/{name}"


def _relative(path: Path, target: Path) -> str:
    if is_address(path):
        return shown_path(path)
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
