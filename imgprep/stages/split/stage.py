"""split: assigns every usable image to a split; pixels are not touched."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, BinaryIO, Final
from zipfile import ZipFile

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from imgprep.dataset.manifest import Manifest, commit, committing, decisions_key, fingerprint
from imgprep.dataset.record_edits import new_split, rewritten
from imgprep.dataset.targets import described
from imgprep.pipeline.runner import RunContext, commit_stage
from imgprep.pipeline.stage_images import Images
from imgprep.stages.split.allocate import UNUSED
from imgprep.stages.split.methods import Assignment, decide
from imgprep.stages.split.near_duplicates import clusters
from imgprep.stages.split.settings import SplitRequest
from imgprep.table.columns import StringColumn, blocks
from imgprep.table.targets import of_rows
from imgprep.util.spreadsheet import protect
from imgprep.util.versions import versions

STAGE = "split"
TABLE = "splits.npz"
LIKENESS: Final = 2
"""Version of the definition of near-duplicates; a split by an earlier one is out of date."""
BLOCK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Splitting:
    """The stage with all its inputs.

    Attributes:
        images: of the convert stage.
        request: the split settings, resolved for the source.
    """

    images: Images
    request: SplitRequest

    def inputs(self) -> dict[str, Any]:
        """See `ExplainedWork.inputs`."""
        images, values = self.images.manifest, self.request.values()
        frozen = values.pop("frozen")
        return {
            "versions": {**versions(), "near-duplicates": LIKENESS},
            "name": images.name,
            "seed": values.pop("seed"),
            STAGE: values,
            "frozen test split": {"digest": None if frozen is None else fingerprint(frozen)},
            "convert": {"digest": images.fingerprint},
            "classes": images.classes,
            **decisions_key(images.decisions),
        }

    def key(self) -> str:
        """A hash of the stage's inputs."""
        return fingerprint(self.inputs())

    def run(self, context: RunContext) -> Manifest:
        """Makes the stage: splits.npz, one CSV file per split, samples.jsonl and the index.

        Raises:
            RequestError: the settings do not fit the collection.
            ResourceError: it cannot be written.
        """
        together = self.request.settings.together
        related: NDArray[np.integer] = clusters(context, self.images) if together else np.array([], np.int64)
        assignment = decide(self.images.table, related, self.request)
        for note in assignment.notes:
            context.monitor.note(note)
        context.workspace.begin(STAGE)
        folder = context.workspace.stage(STAGE)
        with committing(folder / TABLE) as file:
            _pack(file, self.images.table.id, assignment)
        for code, name in enumerate(assignment.names):
            commit(folder / f"{name}.csv", _lines(self.images, assignment.codes == code))
        for path in folder.glob("*.csv"):
            if path.stem not in assignment.names:
                path.unlink()
        manifest = self._manifest(assignment)
        return commit_stage(
            context,
            manifest,
            self.key(),
            self._samples(assignment),
            [TABLE, *(f"{name}.csv" for name in assignment.names)],
        )

    def _samples(self, assignment: Assignment) -> Iterator[bytes]:
        changes = [new_split(name) for name in (*assignment.names, None)]
        codes = (assignment.codes[block].tolist() for block in blocks(len(assignment.codes)))
        return rewritten(self.images.folder, map(changes.__getitem__, chain.from_iterable(codes)))

    def _manifest(self, assignment: Assignment) -> Manifest:
        made_of = self.images.manifest
        counts = assignment.counts(self.images.table.label, made_of.classes)
        unused = int((assignment.codes == UNUSED).sum())
        return replace(
            made_of,
            stage=STAGE,
            counts=counts | ({"unused": {"": unused}} if unused else {}),
            image=None,
            labels=None,
            normalization=None,
            seed=self.request.seed,
            fingerprint=fingerprint(self.request.values(), made_of.fingerprint),
            shards=(),
            groups=assignment.groups,
            targets=described(
                self.images.targets,
                {
                    name: of_rows(self.images.table.targets, assignment.codes == code)
                    for code, name in enumerate(assignment.names)
                },
            ),
        )


def read_assignment(folder: Any) -> Assignment:
    """Reads splits.npz back."""
    with np.load(folder / TABLE, allow_pickle=False) as arrays:
        return Assignment(tuple(arrays["names"].tolist()), arrays["split"])


def _pack(file: BinaryIO, ids: StringColumn, assignment: Assignment) -> None:
    """Writes the same as `numpy.savez`, but a block of ids at a time: every row is as wide as the longest id."""
    codes, names = assignment.codes.astype(np.int16), np.array(assignment.names, np.str_)
    text = np.dtype(f"<U{max(map(len, ids), default=0) or 1}")
    rows = blocks(len(ids), max(1, BLOCK_BYTES // text.itemsize))
    with ZipFile(file, "w") as archive:
        for name, dtype, shape, parts in (
            ("id", text, (len(ids),), (np.array(list(ids[block]), text) for block in rows)),
            ("split", codes.dtype, codes.shape, [codes]),
            ("names", names.dtype, names.shape, [names]),
        ):
            header = {"descr": npy_format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                npy_format.write_array_header_1_0(member, header)
                for part in parts:
                    member.write(part.tobytes())


def _lines(images: Images, mask: NDArray[np.bool_]) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "label", "location"])
    for block in blocks(len(mask)):
        rows = np.flatnonzero(mask[block]) + block.start
        columns = images.table.id[rows], images.table.label[rows], images.table.location[rows]
        writer.writerows(zip(*(map(protect, column) for column in columns), strict=True))
        yield text.getvalue().encode("utf-8", "backslashreplace")
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode("utf-8", "backslashreplace")
