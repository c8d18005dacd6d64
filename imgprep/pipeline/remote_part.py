"""A part of a stage whose output lies in a store: each shard is sent when it is made, and the part's journal after it.

Parts share the working folder of their machine as they share an output on disk. In the store each part writes its own
shards and its own journal, and nothing that another part or a finished stage has.
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final

from imgprep.dataset.manifest import INDEX, Manifest
from imgprep.errors import ResourceError, one_line
from imgprep.pipeline.mirror import KNOWN, LEASE, Mirror
from imgprep.pipeline.parts import Part
from imgprep.pipeline.remote_output import RemoteOutput, held, owner_of, working_folder
from imgprep.pipeline.runner import part_path, row_path
from imgprep.pipeline.workspace import JOURNAL, Journal, Workspace
from imgprep.storage.base import Entry, MissingError
from imgprep.storage.cache import alone
from imgprep.storage.lease import PartLease
from imgprep.storage.transfer import at_once
from imgprep.util.addresses import Address

_UPLOADS: Final = 4
"""Shards that are sent at a time, while others are made."""


class RemotePart:
    """A part that is made in the working folder of an output in a store, which this process has locked.

    Args:
        address: of the output.
        stages: the names of all stages.
        stage: of which it is a part.
        part: which one.

    Attributes:
        writing: held while the journal is written or sent.
    """

    def __init__(self, address: Address, stages: Iterable[str], stage: str, part: Part) -> None:
        self._address: Final = address
        self._stages: Final = tuple(stages)
        self.stage: Final = stage
        self.local: Final = Workspace(working_folder(address))
        self._journal: Final = self.local.journal(stage, part)
        self._mirror = self._look()
        self._there: dict[str, Entry] | None = None
        self._lease: PartLease | None = None
        self._uploads: Final = ThreadPoolExecutor(_UPLOADS, "imgprep-upload")
        self._sending: list[Future[None]] = []
        self._sent: Final = set[str]()
        self.writing: Final = Lock()

    def _look(self) -> Mirror:
        with self._alone():
            return Mirror(self._address, self.local.root)

    @property
    def sent(self) -> int:
        """How many files were sent."""
        return self._mirror.sent

    @contextmanager
    def working(self, *, lock: bool = True) -> Iterator["PartWorkspace"]:
        """The folder in which the part is made; at the end all that was made is in the store.

        Args:
            lock: whether to keep runs out of the store meanwhile.

        Raises:
            RequestError: there is no such bucket.
            ResourceError: a run holds the output, or the store fails.
        """
        name = self._journal.path.name.removesuffix(JOURNAL)
        if lock:
            store, owner = self._mirror.storage, owner_of(self.local.root)
            self._lease = PartLease(store, self._mirror.at(LEASE), owner, name)
        with held(self._lease) if self._lease is not None else nullcontext():
            try:
                yield PartWorkspace(self.local.root, self)
                self._finish()
            finally:
                self._uploads.shutdown(cancel_futures=True)

    def fetch(self, stage: str) -> Mapping[str, Entry]:
        """Brings to disk what the part needs of a stage: all of another one; of its own what it had finished itself.

        Returns:
            What is in the store.

        Raises:
            RequestError: it holds something that is no output of imgprep.
            ResourceError: the store fails.
        """
        if stage != self.stage:
            with self._alone():
                return RemoteOutput(self._address, self._stages).pull_stage(stage)
        self._mirror, there = self._look(), self._mirror.there()
        state = self.local.private / f"{stage}.key.json"
        with self._alone():
            self._fetch([self._name(self._journal.path), self._name(state), f"{stage}/{INDEX}"], there)
            self._fetch([name for record in self._journal.read().values() for name in self._files(record)], there)
        return there

    def begin(self) -> None:
        """Takes the index of the stage away, whose files are about to change.

        Raises:
            RequestError: the store holds something that is no output of imgprep.
            ResourceError: a run has begun meanwhile, or the store fails.
        """
        self._check()
        self._there = self._mirror.there()
        self._mirror.remove(f"{self.stage}/{INDEX}")

    def send_journal(self) -> None:
        """Sends the journal, which nobody writes meanwhile; it may list shards that are still on their way."""
        self._mirror.send(self._name(self._journal.path), {})

    def send(self, record: Mapping[str, Any]) -> None:
        """Has the files of a finished shard sent while others are made.

        Raises:
            ResourceError: those of an earlier one cannot be sent.
        """
        self._wait(each for each in self._sending if each.done())
        self._sending.append(self._uploads.submit(self._send, self._files(record)))

    def _send(self, names: list[str]) -> None:
        self._check()
        if self.stage_is_there():
            raise ResourceError(
                f"{one_line(self._mirror.at(self.stage))}: a run has finished it meanwhile; nothing is left to be made"
            )
        for name in names:
            self._mirror.send(name, self._there or {})
        self._sent.update(names)
        with self.writing:
            self.send_journal()

    def stage_is_there(self) -> bool:
        """Whether a run has committed the stage."""
        try:
            self._mirror.storage.head(self._mirror.at(f"{self.stage}/{INDEX}").key)
        except MissingError:
            return False
        return True

    def _finish(self) -> None:
        """Waits for all that is being sent; then sends what an earlier process has made here, and has not sent."""
        self._wait(self._sending)
        if self._there is None:
            return
        kept = {name for record in self._journal.read().values() for name in self._files(record)}
        left = [name for name in kept - self._sent if not self._mirror.is_same(name, self._there)]
        if left:
            self._send(sorted(left))

    def _wait(self, several: Iterable[Future[None]]) -> None:
        for each in list(several):
            each.result()
            self._sending.remove(each)

    def _check(self) -> None:
        if self._lease is not None:
            self._lease.check()

    def _alone(self) -> Any:
        """Keeps other parts on this machine from changing what is known of the files."""
        return alone(self.local.root.with_name(KNOWN))

    def _fetch(self, names: Iterable[str], there: Mapping[str, Entry]) -> None:
        at_once(lambda name: self._mirror.fetch(name, there[name]), [name for name in names if name in there])

    def _files(self, record: Mapping[str, Any]) -> list[str]:
        """The names of a shard and of what is recorded of it, which comes first."""
        folder, name = self.local.parts(self.stage), str(record.get("filename"))
        pieces = {part_path(folder, name): record.get("part"), row_path(folder, name): record.get("rows")}
        recorded = [self._name(path) for path, sha256 in pieces.items() if sha256]
        return [*recorded, self._name(self.local.stage(self.stage) / name)]

    def _name(self, path: Path) -> str:
        return path.relative_to(self.local.root).as_posix()


@dataclass(frozen=True)
class PartWorkspace(Workspace):
    """The working folder of a part: what is missing in it is fetched, what it makes is sent.

    Attributes:
        remote: the store.
    """

    remote: RemotePart

    def done(self, stage: str, key: str) -> Manifest | None:
        """See `Workspace.done`; of the stage of the part only the index is here, and its shards are looked up there."""
        there = self.remote.fetch(stage)
        start = f"{stage}/"
        sizes = {name.removeprefix(start): entry.size for name, entry in there.items() if name.startswith(start)}
        return self.finished(stage, key, sizes.__getitem__ if stage == self.remote.stage else None)

    def begin(self, stage: str) -> None:
        """See `Workspace.begin`."""
        super().begin(stage)
        self.remote.begin()

    def journal(self, stage: str, part: Part | None = None) -> Journal:
        """See `Workspace.journal`."""
        journal = super().journal(stage, part)
        return journal if part is None else PublishedJournal(journal.path, self.remote)


@dataclass(frozen=True)
class PublishedJournal(Journal):
    """The journal of a part; what it lists is sent to the store.

    Attributes:
        remote: the store.
    """

    remote: RemotePart

    def append(self, plan: str, record: Mapping[str, Any]) -> None:
        """See `Journal.append`."""
        with self.remote.writing:
            super().append(plan, record)
        self.remote.send(record)

    def rewrite(self, records: Mapping[str, Mapping[str, Any]]) -> None:
        """See `Journal.rewrite`; that it is there marks the folder in the store as an output of imgprep."""
        with self.remote.writing:
            super().rewrite(records)
            self.remote.send_journal()
