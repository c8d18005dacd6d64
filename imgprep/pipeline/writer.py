"""The worker's last step: writes arrays as one shard, with its piece of samples.jsonl."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import NDArray

from imgprep.dataset.manifest import commit, committing, sha256_file
from imgprep.dataset.row_format import ImageFormat
from imgprep.dataset.targets import explained_targets
from imgprep.pipeline.plan import ShardPlan, ShardRecord
from imgprep.pipeline.row_records import RowRecords
from imgprep.pipeline.runner import part_path, row_path
from imgprep.pipeline.shard_buffer import ShardBuffer
from imgprep.pipeline.workspace import Workspace
from imgprep.shards.base import LONGEST_ATTRIBUTE, ShardFormat
from imgprep.table.targets import Target
from imgprep.util.background import in_background
from imgprep.version import __version__

if TYPE_CHECKING:
    from imgprep.pipeline.storage import Storage


@dataclass(frozen=True, slots=True)
class ShardWriter:
    """Writes the shards of a stage.

    It goes to the workers, which need no pydantic: so it holds no settings.

    Attributes:
        folder: of the stage.
        parts: the folder for the pieces of samples.jsonl.
        format: of the shards.
        compression: of the images in them.
        about: name -> text that every shard tells of itself; see `explained`.
        buffer: for the images of the shard that is being made.
    """

    folder: Path
    parts: Path
    format: ShardFormat
    compression: str = "none"
    about: Mapping[str, str] = field(default_factory=dict)
    buffer: ShardBuffer = field(default_factory=ShardBuffer, repr=False, compare=False)

    @classmethod
    def for_stage(
        cls, workspace: Workspace, stage: str, storage: "Storage", about: Mapping[str, str] | None = None
    ) -> Self:
        """The writer of a stage."""
        return cls(workspace.stage(stage), workspace.parts(stage), storage.format, storage.compression, about or {})

    def finished(self, plan: ShardPlan[Any]) -> ShardRecord | None:
        """The shard's record in the journal if its files still have the recorded hashes; else None."""
        known = plan.known
        if known is None or known.transient:
            return None
        wanted = [(self.folder / plan.filename, known.sha256)]
        if known.part:
            wanted.append((part_path(self.parts, plan.filename), known.part))
        try:
            same = all(sha256_file(path) == digest for path, digest in wanted)
        except OSError:
            return None
        return replace(known, kept=True) if same else None

    def write(
        self,
        record: ShardRecord,
        arrays: Mapping[str, NDArray[Any]],
        attributes: Mapping[str, Mapping[str, str]] | None = None,
        lines: Sequence[bytes] = (),
        rows: RowRecords | None = None,
    ) -> ShardRecord:
        """Builds the file in memory and commits it, its piece of samples.jsonl and its row records first.

        Args:
            record: of the shard, still without size and hashes.
            arrays: name -> (N, ...) array.
            attributes: group -> name -> text, for formats that have groups.
            lines: of samples.jsonl, one per item.
            rows: what is to be recorded of them, for a later run.

        Returns:
            The record with size and hashes.

        Raises:
            ResourceError: the files cannot be written.
        """
        part = b"".join(lines)
        if part:
            commit(part_path(self.parts, record.filename), part, durable=False)
        recorded = b"" if rows is None else rows.to_bytes()
        if recorded:
            commit(row_path(self.parts, record.filename), recorded, durable=False)
        every = {"": self.about, **(attributes or {})}
        blocks = self.format.write(arrays, self.compression, every)
        return replace(
            record,
            bytes=sum(map(len, blocks)),
            sha256=_committed(self.folder / record.filename, blocks),
            part=hashlib.sha256(part).hexdigest() if part else "",
            rows=hashlib.sha256(recorded).hexdigest() if recorded else "",
        )


def _committed(path: Path, blocks: Sequence[memoryview]) -> str:
    """Writes a file durably and gives its SHA-256, which is computed while the system brings the bytes to the disk."""
    state = hashlib.sha256()
    with committing(path) as file:
        for block in blocks:
            file.write(block)
        file.flush()
        # A system tells only once that a file could not be written to disk: so who waits for it hears of it.
        with in_background(os.fsync, file.fileno()) as synchronized:
            for block in blocks:
                state.update(block)
            synchronized()
    return state.hexdigest()


def explained(
    classes: Sequence[str], image: ImageFormat, normalization: Mapping[str, Any], targets: Sequence[Target] = ()
) -> dict[str, str]:
    """Attributes that make a shard understandable without ``dataset.json``.

    Args:
        classes: names in index order.
        image: of the shards.
        normalization: as in ``dataset.json``.
        targets: further arrays.

    Returns:
        ``imgprep`` (the version), ``color``, and as JSON ``classes``, ``normalization`` and, where there are any,
        ``targets``. What is longer than an attribute of HDF5 (very many classes, a mean for every pixel) is left to
        ``dataset.json``.
    """
    told = {"imgprep": __version__, "color": image.color}
    texts = {
        "classes": json.dumps(list(classes), ensure_ascii=False),
        "normalization": json.dumps(dict(normalization), ensure_ascii=False),
    }
    if targets:
        texts["targets"] = explained_targets(targets)
    short = {
        name: text for name, text in texts.items() if len(text.encode("utf-8", "backslashreplace")) <= LONGEST_ATTRIBUTE
    }
    return told | short
