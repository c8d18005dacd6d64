"""The output folder: its lock, its finished stages, and the key of each stage's inputs.

``OUTPUT/.imgprep/`` holds the lock, the journals and the keys; the stages' folders hold only data.
"""

import errno
import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from imgprep.dataset.manifest import INDEX, TEMPORARY, Manifest, commit, read_manifest, sha256_file
from imgprep.errors import RequestError, ResourceError, one_line
from imgprep.pipeline.parts import Part
from imgprep.util import locking

MARKER: Final = ".imgprep"
LOCK: Final = "lock"
JOURNAL: Final = ".journal.jsonl"


@dataclass(frozen=True, slots=True)
class Workspace:
    """One output folder.

    Attributes:
        root: the folder that the spec calls ``output``.
    """

    root: Path

    @property
    def private(self) -> Path:
        """The folder of imgprep's own records."""
        return self.root / MARKER

    def stage(self, name: str) -> Path:
        """The folder of a stage."""
        return self.root / name

    def is_new(self) -> bool:
        """Returns whether the folder is still empty; call it while the lock is held."""
        return [path.name for path in self.private.iterdir()] == [LOCK]

    @contextmanager
    def locked(self, *, lock: bool = True, shared: bool = False) -> Iterator[None]:
        """Locks the output for this process; the system releases the lock when the process ends, however it ends.

        Args:
            lock: whether to keep other runs out; some network file systems cannot do that.
            shared: let others make parts of a stage at the same time; nothing of theirs is swept away.

        Raises:
            ResourceError: another run has locked it, it cannot be locked, or it cannot be written.
        """
        path = self.private / LOCK
        try:
            new = [folder for folder in (self.private, *self.private.parents) if not folder.exists()]
            self.private.mkdir(parents=True, exist_ok=True)
            file = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise ResourceError(
                f"{self.root}: cannot write: {error.strerror}; give another output or permission"
            ) from error
        with file:
            try:
                if lock:
                    locking.lock(file, shared=shared)
                    path.stat()  # the run that held it may just have removed it, see `_tidy`
            except OSError as error:
                raise self._not_locked(error, file) from error
            if not shared:
                self._sweep()
            with suppress(OSError):  # on a full disk the holder stays unnamed, but a run that writes nothing continues
                file.truncate(0)
                os.write(file.fileno(), f"process {os.getpid()} on {socket.gethostname()}\n".encode())
            try:
                yield
            finally:
                if new and not shared:
                    self._tidy(new)

    def _not_locked(self, error: OSError, file: TextIO) -> ResourceError:
        if error.errno not in {*locking.HELD, errno.ENOENT}:
            return ResourceError(
                f"{self.root}: cannot be locked: {error.strerror}; give an --output on another file system, or set "
                "execution.lock: false and see to it yourself that no two runs write there"
            )
        file.seek(0)
        holder = file.read(200).strip() or "another run"
        return ResourceError(f"{self.root}: held by {holder}; wait for it to end, or give another --output")

    def _sweep(self) -> None:
        """Removes incomplete files of a killed run; while the output is locked, no other run writes there."""
        with suppress(OSError):
            for folder in self.root.iterdir():
                for leftover in folder.rglob(f"{TEMPORARY}*") if folder.is_dir() else ():
                    leftover.unlink(missing_ok=True)

    def _tidy(self, new: list[Path]) -> None:
        """Removes the lock and the folders made for it, innermost first, if the run left nothing in them."""
        with suppress(OSError):
            # Next to an empty stage that a failed run left, they mark the folder as an output of imgprep.
            if [*self.root.iterdir()] == [self.private] and self.is_new():
                (self.private / LOCK).unlink()
            for folder in new:
                folder.rmdir()

    def journal(self, stage: str, part: Part | None = None) -> "Journal":
        """The journal of a stage's finished shards, or of those of a part, which only that part writes."""
        name = stage if part is None else f"{stage}.part-{part.number}-of-{part.count}"
        return Journal(self.private / f"{name}{JOURNAL}")

    def part_journals(self, stage: str) -> list["Journal"]:
        """The journals of the parts of a stage that were made since it was last finished."""
        return [Journal(path) for path in sorted(self.private.glob(f"{stage}.part-*{JOURNAL}"))]

    def journaled(self, stage: str) -> dict[str, dict[str, Any]]:
        """The records of all finished shards of a stage, by the plan's digest, whoever made them."""
        records: dict[str, dict[str, Any]] = {}
        for journal in (*self.part_journals(stage), self.journal(stage)):
            records |= journal.read()
        return records

    def parts(self, stage: str) -> Path:
        """The folder of a stage's pieces of samples.jsonl, one per shard."""
        return self.private / f"{stage}.samples"

    def earlier(self, stage: str) -> Path:
        """The folder of shards that an earlier run made, while the stage is made again."""
        return self.private / f"{stage}.earlier"

    def forget_earlier(self, stage: str) -> None:
        """Removes what was kept of an earlier run."""
        shutil.rmtree(self.earlier(stage), ignore_errors=True)

    def done(self, stage: str, key: str) -> Manifest | None:
        """The index of a stage that was finished with exactly this key and still has all its files; else None."""
        return self.finished(stage, key)

    def finished(self, stage: str, key: str, size_of: Callable[[str], int] | None = None) -> Manifest | None:
        """As `done`, of files that may be elsewhere.

        Args:
            stage: its name.
            key: of its inputs.
            size_of: the size of a file of the stage, a `LookupError` where there is none; None for those that are here.
        """
        try:
            state = json.loads((self.private / f"{stage}.key.json").read_bytes())
            folder = self.stage(stage)
            if state["key"] != key or state.get("again") or state["index"] != sha256_file(folder / INDEX):
                return None
            manifest = read_manifest(folder)
            size_of = size_of or (lambda name: (folder / name).stat().st_size)
            there = all(size_of(name) == size for name, size in state["files"].items())
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RequestError):
            return None
        return manifest if there else None

    def state(self, stage: str) -> tuple[str, str] | None:
        """The key of a stage and the SHA-256 of its index, as recorded when it was made; None without a record."""
        try:
            state = json.loads((self.private / f"{stage}.key.json").read_bytes())
            return str(state["key"]), str(state["index"])
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def damage(self, stage: str) -> Iterator[str]:
        """Finds files of a finished stage that are gone or have another size."""
        folder = self.stage(stage)
        try:
            state = json.loads((self.private / f"{stage}.key.json").read_bytes())
            files, index = dict(state["files"]), state["index"]
        except (OSError, ValueError, LookupError, TypeError):
            yield "the record of its files cannot be read"
            return
        for name, size in files.items():
            path = folder / name
            if not path.is_file():
                yield f"{one_line(name)} is gone"
            elif path.stat().st_size != size:
                yield f"{one_line(name)} has another size"
            elif name == INDEX and sha256_file(path) != index:
                yield f"{INDEX} is not as it was written"

    def inputs(self, stage: str) -> Path:
        """The record of what a stage was made from."""
        return self.private / f"{stage}.inputs.json"

    def listing(self, stage: str) -> Path:
        """The record of the files that a stage was made from."""
        return self.private / f"{stage}.listing.npz"

    def begin(self, stage: str) -> None:
        """Makes the folder of a stage and removes its index."""
        folder = self.stage(stage)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.parts(stage).mkdir(parents=True, exist_ok=True)
            (folder / INDEX).unlink(missing_ok=True)
        except OSError as error:
            raise ResourceError(
                f"{folder}: cannot write: {error.strerror}; give another output or permission"
            ) from error

    def finish(self, stage: str, key: str, manifest: Manifest, *, again: bool = False) -> None:
        """Commits the index, then records its key; with `again` the stage is never up to date."""
        index = self.stage(stage) / INDEX
        commit(index, manifest.to_json())
        files = {path.name: path.stat().st_size for path in self.stage(stage).iterdir() if path.is_file()}
        state = {"key": key, "index": sha256_file(index), "files": files} | ({"again": True} if again else {})
        commit(self.private / f"{stage}.key.json", json.dumps(state).encode())

    def discard(self, stage: str) -> None:
        """Removes everything a stage wrote."""
        shutil.rmtree(self.stage(stage), ignore_errors=True)
        shutil.rmtree(self.parts(stage), ignore_errors=True)
        self.forget_earlier(stage)
        journals = [journal.path for journal in (self.journal(stage), *self.part_journals(stage))]
        for path in (*journals, self.private / f"{stage}.key.json", self.inputs(stage), self.listing(stage)):
            path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Journal:
    """The finished shards of a stage: one JSON line each, appended when the shard has its final name."""

    path: Path

    def read(self) -> dict[str, dict[str, Any]]:
        """The last record of every plan, by the plan's digest; an incomplete last line is ignored."""
        records: dict[str, dict[str, Any]] = {}
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return records
        for line in lines:
            try:
                entry = json.loads(line)
                records[entry["plan"]] = entry["record"]
            except (ValueError, KeyError, TypeError):
                continue
        return records

    def append(self, plan: str, record: Mapping[str, Any]) -> None:
        """Appends the record of a finished shard."""
        try:
            with self.path.open("ab") as file:
                file.write(json.dumps({"plan": plan, "record": record}).encode() + b"\n")
        except OSError as error:
            raise ResourceError(f"{self.path}: cannot write: {error.strerror}; free the space") from error

    def rewrite(self, records: Mapping[str, Mapping[str, Any]]) -> None:
        """Replaces the journal by these records."""
        lines = (json.dumps({"plan": plan, "record": record}).encode() + b"\n" for plan, record in records.items())
        commit(self.path, lines)
