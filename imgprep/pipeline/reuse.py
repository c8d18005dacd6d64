"""Keeps what an earlier run made of a stage while it is made again, so that rows are copied instead of made anew.

Shards are linked into a private folder under their SHA-256 before anything replaces them, and stay there until the
stage is finished: a run that is killed in between finds them again.
"""

import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.manifest import Manifest
from imgprep.dataset.row_format import ImageFormat
from imgprep.errors import ResourceError
from imgprep.pipeline.earlier_rows import EarlierRows, EarlierShard, places
from imgprep.pipeline.plan import I, ShardPlan, ShardRecord, record_from
from imgprep.pipeline.row_records import KEY, UNKNOWN, RowRecords, hash_of, image_text, read_row_records
from imgprep.pipeline.runner import RunContext, row_path
from imgprep.pipeline.workspace import Workspace

SPARE: Final = 64 << 20
"""Bytes that stay free beside a new output when the earlier one is kept meanwhile."""


@dataclass(frozen=True, slots=True)
class RowSettings:
    """Properties that all rows of a stage share.

    Attributes:
        stage: its name.
        digest: a hash of the settings that decide the pixels, whatever the image.
        image: format of every row; None where it is not known yet.
    """

    stage: str
    digest: str
    image: ImageFormat | None

    def fits(self, records: RowRecords) -> bool:
        """Whether rows that were recorded are such rows."""
        text = None if self.image is None else image_text(self.image.shape, self.image.dtype)
        return records.settings == self.digest and text in {None, records.image}


class _Found(NamedTuple):
    """A shard of an earlier run."""

    record: ShardRecord
    shard: Path
    records_path: Path
    records: RowRecords


def reusing(
    context: RunContext, settings: RowSettings, plans: Sequence[ShardPlan[I]]
) -> tuple[EarlierRows | None, list[ShardPlan[I]]]:
    """Keeps what an earlier run made, and finds in it the rows of the plans.

    Args:
        context: of the run.
        settings: of the stage, with the format of its images.
        plans: with the keys of their rows.

    Returns:
        The earlier rows (None when there are none), and the plans with their numbers.

    Raises:
        ResourceError: the output cannot be written.
    """
    workspace, image = context.workspace, settings.image
    folder = workspace.earlier(settings.stage)
    journaled = workspace.journaled(settings.stage)
    finished = {digest for digest, content in journaled.items() if _is_finished(content)}
    missing = [plan for plan in plans if plan.digest not in finished]
    if context.force or image is None or not missing:
        return None, list(plans)
    found = list(_earlier(workspace, settings, finished & {plan.digest for plan in plans}))
    if not found:
        return None, list(plans)
    rows = sum(len(plan.items) for plan in missing)
    if shutil.disk_usage(workspace.root).free < rows * _row_bytes(image) + SPARE:
        context.monitor.note(f"{settings.stage}: too little space is free to keep the last output; all is made anew")
        return None, list(plans)
    kept = list(_kept(folder, found))
    contents = np.concatenate([one.records.contents for one in found])
    shards = [
        EarlierShard(str(shard), str(records), one.record.rows, one.record.samples) for one, shard, records in kept
    ]
    earlier = EarlierRows.write(folder, shards, contents, (image.shape, image.dtype))
    keys = np.concatenate([one.records.keys for one in found])
    return earlier, [_with_numbers(plan, keys) for plan in plans]


def reusable(workspace: Workspace, settings: RowSettings, keys: NDArray[np.uint8]) -> int:
    """Counts the rows with these keys that an earlier run made; nothing is written."""
    found = [one.records.keys for one in _earlier(workspace, settings, ())]
    return int((places(np.concatenate(found), keys) >= 0).sum()) if found else 0


def identities(workspace: Workspace, manifest: Manifest) -> NDArray[np.uint8]:
    """(N, 16) a hash of what decides the pixels of each row of a finished stage; `UNKNOWN` where none is recorded."""
    records = {}
    for content in workspace.journaled(manifest.stage).values():
        if (record := record_from(content)) is not None:
            records[record.filename, record.sha256] = record
    found = bytearray()
    for shard in manifest.shards:
        known = records.get((shard.filename, shard.sha256))
        path = row_path(workspace.parts(manifest.stage), shard.filename)
        rows = None if known is None else read_row_records(path, known.rows)
        if rows is None or len(rows) != shard.samples:
            found += UNKNOWN * shard.samples
            continue
        common = f"{rows.settings} {rows.image}".encode()
        for content_hash, checksum, details in zip(rows.contents, rows.checksums, rows.details, strict=True):
            found += hash_of(common, content_hash.tobytes(), checksum.tobytes(), details)
    return np.frombuffer(found, np.uint8).reshape(-1, KEY)


def _earlier(workspace: Workspace, settings: RowSettings, finished: Collection[str]) -> Iterator[_Found]:
    """The shards of earlier runs whose rows fit, without those of plans that are finished, which are kept whole."""
    kept, folder, parts = (
        workspace.earlier(settings.stage),
        workspace.stage(settings.stage),
        workspace.parts(settings.stage),
    )
    for digest, content in workspace.journaled(settings.stage).items():
        record = record_from(content)
        if record is None or not record.rows or digest in finished:
            continue
        for shard, path in (
            _names(kept, record),
            (folder / record.filename, row_path(parts, record.filename)),
        ):
            records = read_row_records(path, record.rows) if _has_size(shard, record.bytes) else None
            if records is not None and settings.fits(records):
                yield _Found(record, shard, path, records)
                break


def _is_finished(content: Mapping[str, Any]) -> bool:
    """Whether the shard of a record in the journal is kept whole; see `ShardWriter.finished`."""
    record = record_from(content)
    return record is not None and not record.transient


def _names(folder: Path, record: ShardRecord) -> tuple[Path, Path]:
    """The paths of a shard and of its row records where they are kept."""
    shard = folder / f"{record.sha256}{Path(record.filename).suffix}"
    return shard, row_path(folder, shard.name)


def _kept(folder: Path, found: Iterable[_Found]) -> Iterator[tuple[_Found, Path, Path]]:
    """Keeps the shards in a folder, and yields them with the paths of both files there."""
    try:
        folder.mkdir(exist_ok=True)
        for one in found:
            shard, records = _names(folder, one.record)
            _link(one.records_path, records)
            _link(one.shard, shard)
            yield one, shard, records
    except OSError as error:
        raise ResourceError(f"{folder}: cannot write: {error.strerror}; free the space or permission") from error


def _link(path: Path, kept: Path) -> None:
    """Gives a file a second name; where the system has no such thing, another name."""
    if path == kept:
        return
    try:
        os.link(path, kept)
    except FileExistsError:
        return
    except OSError:
        path.replace(kept)


def _with_numbers(plan: ShardPlan[I], known: NDArray[np.uint8]) -> ShardPlan[I]:
    if plan.rows is None:
        return plan
    return replace(plan, rows=replace(plan.rows, earlier=places(known, plan.rows.keys)))


def _row_bytes(image: ImageFormat) -> int:
    return int(np.prod(image.shape)) * np.dtype(image.dtype).itemsize + KEY


def _has_size(path: Path, size: int) -> bool:
    with suppress(OSError):
        return path.stat().st_size == size
    return False
