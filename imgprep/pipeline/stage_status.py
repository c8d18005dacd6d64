"""Whether a stage is up to date, and why not: what its inputs were when it was made, and what they are now."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any, Final, Literal

from imgprep.dataset.diff import Change, differing, flat
from imgprep.dataset.manifest import INDEX, commit
from imgprep.errors import one_line
from imgprep.pipeline.listing import FileChanges, Files, Listing, compare, read_listing
from imgprep.pipeline.runner import RunContext
from imgprep.pipeline.stage import ExplainedWork, ListedWork, ReusingWork, StageWork
from imgprep.pipeline.workspace import Workspace
from imgprep.util.quantity import quantity

State = Literal["up to date", "not made yet", "out of date", "damaged", "to be tried again", "waiting"]
DIGEST: Final = "digest"
"""Name of an input that is a hash: only that it changed is worth saying."""
FILES: Final = "files"
"""Name of the input that is a digest of a listing."""
VERSIONS: Final = "versions"
LENGTH: Final = 160
"""Characters of a change that are shown."""
AROUND: Final = 24
"""Characters that are shown before the place where two long values begin to differ."""
MOST: Final = 5
"""Damaged files that are named."""
_AS_IN_A_SPEC: Final = {"None": "", "True": "true", "False": "false"}


@dataclass(frozen=True, slots=True)
class StageStatus:
    """The status of a stage: up to date, or why not.

    Attributes:
        stage: its name.
        state: what it is.
        changes: inputs that changed, with their values as text; of a hash without.
        files: how the files of the source differ; None when they do not, or it is not known how.
        notes: further reasons.
        reused: how many rows would be reused from the last output, and of how many; None where none would be.
    """

    stage: str
    state: State
    changes: Sequence[Change] = ()
    files: FileChanges | None = None
    notes: Sequence[str] = ()
    reused: tuple[int, int] | None = None

    @property
    def up_to_date(self) -> bool:
        """Whether nothing would be made."""
        return self.state == "up to date"

    def reasons(self) -> list[str]:
        """Why it would be made, one line each."""
        return [*self.notes, *map(_change_line, self.changes), *_file_lines(self.files)]

    def told(self) -> list[str]:
        """The reasons, and how many rows would be reused, one line each."""
        reused = [] if self.reused is None else ["{} of {} rows are reused from the last output".format(*self.reused)]
        return [*self.reasons(), *reused]

    def line(self) -> str:
        """All of it in one line."""
        reasons = "; ".join(self.told())
        return f"{self.stage}: {self.state}{': ' if reasons else ''}{reasons}"

    def plain(self) -> dict[str, Any]:
        """All of it as plain values."""
        files = None
        if self.files is not None:
            named = {name: getattr(self.files, name) for name in ("came", "went", "changed", "described")}
            files = {name: {"count": some.count, "first": list(some.first)} for name, some in named.items()}
        return {
            "stage": self.stage,
            "state": self.state,
            "changes": [{"key": each.id, "before": each.before, "after": each.after} for each in self.changes],
            "files": files,
            "reasons": self.reasons(),
            "rows": None if self.reused is None else dict(zip(("reused", "all"), self.reused, strict=True)),
        }


def stage_status(workspace: Workspace, stage: str, work: StageWork, key: str) -> StageStatus:
    """Compares what a stage was made from with what it would be made from now; nothing is written.

    Args:
        workspace: the output.
        stage: its name.
        work: the stage with its present inputs.
        key: of that.
    """
    state = workspace.state(stage)
    if state is None:
        started = len(workspace.journaled(stage))
        return StageStatus(stage, "not made yet", notes=[f"{started} finished shards are kept"] if started else [])
    if state[0] != key:
        changes, files, notes = _explained(workspace, stage, work, state[0])
        interrupted = [] if (workspace.stage(stage) / INDEX).exists() else [f"{INDEX} is gone: a run was interrupted"]
        return StageStatus(stage, "out of date", changes, files, [*notes, *interrupted])
    if damage := sorted(workspace.damage(stage)):
        more = [f"and {len(damage) - MOST} more files"] if len(damage) > MOST else []
        notes = ["files of the stage are gone or damaged", *damage[:MOST], *more]
        return StageStatus(stage, "damaged", notes=notes)
    if workspace.done(stage, key) is None:
        reason = "images were quarantined for a reason that may pass"
        return StageStatus(stage, "to be tried again", notes=[reason])
    return StageStatus(stage, "up to date")


def with_reuse(context: RunContext, work: StageWork, found: StageStatus) -> StageStatus:
    """The same, and how many rows would be reused from the last output; nothing is written."""
    if found.up_to_date or context.force or not isinstance(work, ReusingWork):
        return found
    reused, rows = work.reusable(context)
    return replace(found, reused=(reused, rows)) if reused else found


def record(workspace: Workspace, stage: str, work: StageWork, key: str) -> None:
    """Records what a finished stage was made from, unless that is recorded; its arguments are those of `stage_status`.

    Raises:
        ResourceError: it cannot be written.
    """
    if isinstance(work, ExplainedWork) and _recorded(workspace, stage, key) is None:
        if isinstance(work, ListedWork):
            Listing.of(work.listed()).write(workspace.listing(stage), key)
        content = {"key": key, "inputs": work.inputs()}
        commit(workspace.inputs(stage), json.dumps(content, default=str).encode(), durable=False)


def _recorded(workspace: Workspace, stage: str, key: str) -> Mapping[str, Any] | None:
    """The inputs of a stage that was made with this key; None where they are not known."""
    try:
        content = json.loads(workspace.inputs(stage).read_bytes())
        inputs: Mapping[str, Any] = content["inputs"]
        return inputs if content["key"] == key and isinstance(inputs, dict) else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _explained(
    workspace: Workspace, stage: str, work: StageWork, key: str
) -> tuple[list[Change], FileChanges | None, list[str]]:
    """The inputs that changed, how the files did, and what else there is to say."""
    before = _recorded(workspace, stage, key)
    if before is None or not isinstance(work, ExplainedWork):
        return [], None, ["its inputs changed; what they were is not recorded"]
    now = json.loads(json.dumps(work.inputs(), default=str))
    changes = [_readable(change) for change in differing(flat(before), flat(now))]
    changes = [each for each in changes if each.before != each.after or each.id.endswith(f".{DIGEST}")]
    listing = f"{FILES}.{DIGEST}"
    files = _files(workspace.listing(stage), work, key) if any(change.id == listing for change in changes) else None
    if files is not None and files.any():
        changes = [change for change in changes if change.id != listing]
    else:
        files = None
    return changes, files, []


def _files(path: Path, work: StageWork, key: str) -> FileChanges | None:
    before = read_listing(path, key) if isinstance(work, ListedWork) else None
    if before is None or not isinstance(work, ListedWork):
        return None
    return compare(before, Listing.of(work.listed()))


def _readable(change: Change) -> Change:
    """The change without hashes, and with values as a spec has them."""
    if change.id.endswith(f".{DIGEST}"):
        return change._replace(before="", after="")
    before, after = (_AS_IN_A_SPEC.get(value, value) for value in (change.before, change.after))
    return change._replace(before=before, after=after)


def _change_line(change: Change) -> str:
    if change.id.endswith(f".{DIGEST}"):
        return f"{change.id.removesuffix(f'.{DIGEST}')} changed"
    said = " -> ".join(value or "not given" for value in _from_where_they_differ(change.before, change.after))
    if change.id.startswith(f"{VERSIONS}."):
        return one_line(f"{change.id.removeprefix(f'{VERSIONS}.')} {said}", LENGTH)
    return one_line(f"{change.id}: {said}", LENGTH)


def _from_where_they_differ(before: str, after: str) -> tuple[str, str]:
    """Two values, or the parts of long ones where they begin to differ.

    >>> _from_where_they_differ("a", "b"), _from_where_they_differ("-" * 200 + "old", "-" * 200 + "new")
    (('a', 'b'), ('... --------------------old', '... --------------------new'))
    """
    if len(before) + len(after) < LENGTH - AROUND:
        return before, after
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))
    start = max(0, same - AROUND + 4)
    cut = [("... " if start else "") + value[start:] for value in (before, after)]
    half = LENGTH // 2 - AROUND
    first, second = (value if len(value) <= half else f"{value[:half]} ..." for value in cut)
    return first, second


def _file_lines(files: FileChanges | None) -> Iterator[str]:
    if files is None:
        return
    kinds = {
        "came": files.came,
        "went": files.went,
        "changed": files.changed,
        "changed in label, group, split or attributes": files.described,
    }
    for what, some in kinds.items():
        if some.count:
            yield f"{quantity(some.count, 'file')} {what} ({_named(some)})"


def _named(files: Files) -> str:
    names = ", ".join(one_line(id_, 60) for id_ in files.first)
    return names + (", ..." if files.count > len(files.first) else "")
