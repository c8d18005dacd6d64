"""split: every usable image gets its split; no pixels move."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgprep.columns import StringColumn
from imgprep.manifest import Manifest, commit, fingerprint
from imgprep.stages.assignment import UNUSED
from imgprep.stages.deciding import Assignment, decide
from imgprep.stages.demands import SplitSettings
from imgprep.stages.run import Machine, commit_stage
from imgprep.stages.similar import clusters
from imgprep.stages.tables import Images, rewritten
from imgprep.stages.versions import versions

STAGE = "split"
TABLE = "splits.npz"


@dataclass(frozen=True, slots=True)
class Splitting:
    """The stage: everything it needs to know.

    Attributes:
        images: of the convert stage.
        settings: of the spec.
        together: whether near-duplicates stay together.
    """

    images: Images
    settings: SplitSettings
    together: bool = True

    def key(self) -> str:
        """What the stage is made from."""
        images = self.images.manifest
        return fingerprint(versions(), images.name, self._settings(), images.fingerprint, images.classes)

    def run(self, machine: Machine) -> Manifest:
        """Makes the stage: splits.npz, one table for each split, samples.jsonl and the index.

        Raises:
            RequestError: the settings do not fit the collection.
            ResourceError: it cannot be written.
        """
        related: NDArray[np.integer] = clusters(machine, self.images) if self.together else np.array([], np.int64)
        assignment = decide(self.images.table, related, self.settings)
        for note in assignment.notes:
            machine.monitor.note(note)
        machine.workspace.begin(STAGE)
        folder = machine.workspace.stage(STAGE)
        commit(folder / TABLE, _packed(self.images.table.id, assignment))
        for code, name in enumerate(assignment.names):
            commit(folder / f"{name}.csv", _lines(self.images, assignment.codes == code))
        for path in folder.glob("*.csv"):
            if path.stem not in assignment.names:
                path.unlink()
        manifest = self._manifest(assignment)
        return commit_stage(
            machine,
            manifest,
            self.key(),
            self._samples(assignment),
            [TABLE, *(f"{name}.csv" for name in assignment.names)],
        )

    def _samples(self, assignment: Assignment) -> Iterator[bytes]:
        names = [*assignment.names, None]

        def change(number: int, record: dict[str, Any]) -> None:
            record["split"] = names[assignment.codes[number]]

        return rewritten(self.images.folder, change)

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
            seed=self.settings.seed,
            fingerprint=fingerprint(self._settings(), made_of.fingerprint),
            shards=(),
        )

    def _settings(self) -> Mapping[str, Any]:
        return self.settings.settings() | {"together": self.together}


def read_assignment(folder: Any) -> Assignment:
    """Reads splits.npz back."""
    with np.load(folder / TABLE, allow_pickle=False) as arrays:
        return Assignment(tuple(arrays["names"].tolist()), arrays["split"].astype(np.int64))


def _packed(ids: StringColumn, assignment: Assignment) -> memoryview:
    buffer = io.BytesIO()
    arrays = {
        "id": np.array(list(ids), np.str_),
        "split": assignment.codes.astype(np.int16),
        "names": np.array(assignment.names, np.str_),
    }
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getbuffer()


def _lines(images: Images, mask: NDArray[np.bool_]) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "label"])
    for row in np.flatnonzero(mask).tolist():
        writer.writerow([neutral(images.table.id[row]), neutral(images.table.label[row])])
        if text.tell() > 1 << 16:
            yield text.getvalue().encode("utf-8", "backslashreplace")
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode("utf-8", "backslashreplace")


def neutral(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula.

    >>> neutral("=cmd|' /C calc'!A0")
    "'=cmd|' /C calc'!A0"
    """
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell
