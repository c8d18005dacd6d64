"""init: inspects a collection and writes a commented spec that runs on it."""

import json
import os
import re
from pathlib import Path
from typing import Any, Final, NamedTuple

from imgprep.commands.class_list import class_notes
from imgprep.commands.init_answers import UNASKED, Answers
from imgprep.commands.init_check import verdict
from imgprep.commands.init_draft import SCHEMA, Facts, draft
from imgprep.commands.init_groups import group_columns
from imgprep.commands.init_look import look
from imgprep.commands.init_notes import found_notes, verdict_notes
from imgprep.commands.init_tables import image_tables
from imgprep.commands.list_source import Listed, Listing, listing
from imgprep.commands.stored_inputs import with_fetched_files
from imgprep.dataset.manifest import commit
from imgprep.engines import Settings, isolating
from imgprep.errors import RequestError, one_line
from imgprep.sources.detect import Recognised
from imgprep.sources.label_from import LabelFromError
from imgprep.sources.split_names import UnclearSplitError
from imgprep.spec.collection import SourceSection
from imgprep.spec.loading import LoadedSpec, load_spec, spec_from_mapping
from imgprep.spec.paths import check_paths
from imgprep.spec.schema import json_schema
from imgprep.util.addresses import absolute
from imgprep.util.output_file import check_output_file

FOLDERS: Final = ("directory", "split_directory", "hierarchy")


class Started(NamedTuple):
    """A spec that was written.

    Attributes:
        spec: its path.
        notes: on the collection, for the user, one line each.
        command: that works on it: run; audit where there are no labels.
    """

    spec: Path
    notes: tuple[str, ...]
    command: str = "run"


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
    check_output_file(target, (".yaml", ".yml", ".json"), "a spec is a YAML file")
    if os.path.lexists(target) and not force:
        raise RequestError(f"{one_line(target)}: is there already; give another name with -o, or --force to overwrite")
    listed = _listed(found)
    if not listed.table.ok().any():
        raise RequestError(f"{one_line(path)}: no images in the layout {found.layout}, which it looks like")
    tables = tuple(image_tables(found.path, listed.table)) if found.layout in FOLDERS else ()
    near = [table for table in tables if table.near]
    if len(near) == 1:
        found = found._replace(options={**found.options, "attributes": str(absolute(near[0].path))})
        listed = _listed(found)
    table = listed.table
    facts = Facts(found, table, look(_section(found).source, table), tuple(group_columns(table)), tables)
    judged = verdict(_sections(facts), table)
    text = draft(name, facts, judged, target)
    commit(target.with_name(SCHEMA), (json.dumps(json_schema(), indent=1) + "\n").encode())
    commit(target, text.encode())
    check_paths(load_spec(target))
    classes = class_notes(listed, table.classes())
    notes = (*found_notes(facts), *classes, *listed.notes, *verdict_notes(judged))
    return Started(target, notes, "run" if facts.trainable else "audit")


def _sections(facts: Facts) -> dict[str, Any]:
    """The sections of the spec that decide how the collection is judged."""
    found, group = facts.layout, facts.group()
    return {
        "source": {"layout": found.layout, "path": str(found.path), **found.options},
        "convert": {"size": list(facts.seen.size()[0])},
        "split": {} if group is None else {"group": group},
    }


def _listed(found: Recognised) -> Listed:
    """Lists the source.

    Raises:
        RequestError: ``init`` cannot write a spec for it; for an unclear split, the message names the option.
    """
    section = _section(found)
    try:
        return listing(Listing(section.source, section.attributes, section.splits), isolating(Settings(workers=1)))
    except LabelFromError as error:
        raise RequestError(f"label_from: {error}") from error
    except UnclearSplitError as error:
        raise RequestError(f"{error}; init takes that as --split NAME=SPLIT, or --split ignore") from error


def _section(found: Recognised) -> SourceSection:
    loaded: LoadedSpec = spec_from_mapping(
        {"name": "x", "source": {"layout": found.layout, "path": str(found.path), **found.options}, "output": "x"}
    )
    section: SourceSection = with_fetched_files(loaded).spec.source
    return section


def _name(path: Path) -> str:
    """The name of a dataset after its folder or file, safe as a file name everywhere."""
    resolved = path.resolve()
    stem = resolved.name if resolved.is_dir() else resolved.name.partition(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-") or "dataset"
