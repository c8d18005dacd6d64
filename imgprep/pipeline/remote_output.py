"""An output in an object store: made in a folder on disk, which is brought up to date before and published after it.

The store is the truth. A stage is there when its ``dataset.json`` is: that goes first when a file of the stage is to
change, and is written last, under the condition that nobody else has written one.
"""

import hashlib
import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, Final

from imgprep.dataset.manifest import INDEX, TEMPORARY, commit, sha256_file
from imgprep.errors import RequestError, ResourceError, one_line
from imgprep.pipeline.workspace import LOCK, MARKER
from imgprep.storage.base import NEW, Entry, MissingError, Storage
from imgprep.storage.cache import cache_folder
from imgprep.storage.known_files import KnownFiles
from imgprep.storage.lease import Lease
from imgprep.storage.opening import open_storage
from imgprep.storage.transfer import at_once, download, upload
from imgprep.util.addresses import Address

_REST: Final = ""


def working_folder(address: Address) -> Path:
    """The folder on disk in which an output in a store is made.

    Raises:
        ResourceError: the user has no home.
    """
    told = hashlib.sha256(str(address).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return cache_folder("outputs") / told / (address.key.rpartition("/")[2] or address.bucket)


class RemoteOutput:
    """An output in a store and its working folder, which this process has locked.

    Args:
        address: of the output.
        stages: the names of all stages.
    """

    def __init__(self, address: Address, stages: Iterable[str]) -> None:
        self._address: Final = address
        self._stages: Final = tuple(stages)
        self._storage: Final[Storage] = open_storage(address)
        self._folder: Final = working_folder(address)
        self._known: Final = KnownFiles(self._folder.with_name("known.jsonl"))
        self._lease: Lease | None = None
        self._sent = 0
        self._counting = Lock()

    @contextmanager
    def locked(self, *, lock: bool = True) -> Iterator[None]:
        """Keeps other runs out of the store.

        Raises:
            ResourceError: another run has locked it, or it cannot be locked.
        """
        if not lock:
            yield
            return
        lease = Lease(self._storage, self._at(f"{MARKER}/{LOCK}"), self._owner())
        try:
            lease.take()
        except MissingError as error:
            raise RequestError(f"output: {error}") from None
        self._lease = lease
        with lease.renewing():
            yield
        self._lease = None

    def _owner(self) -> str:
        """Names this folder: a lock of that name is of a run that is dead, for the folder is locked by this one."""
        path = self._folder.with_name("owner")
        with suppress(OSError):
            return path.read_text("ascii")
        commit(path, uuid.uuid4().hex.encode())
        return path.read_text("ascii")

    def pull(self) -> None:
        """Brings the working folder up to date with the store, where somebody else has changed that.

        Raises:
            RequestError: it holds something that is no output of imgprep.
            ResourceError: the store fails.
        """
        there = self._there()
        if there and not any(name.startswith(f"{MARKER}/") for name in there):
            raise RequestError(
                f"output: {one_line(self._address)}: is not empty and no output of imgprep; choose another one"
            )
        ours = {name: entry for name, entry in there.items() if self._is_ours(name)}
        changed: dict[str, set[str]] = defaultdict(set)
        for name in {*ours, *self._known}:
            known, entry = self._known.get(name), ours.get(name)
            if known is None or entry is None or known.version != entry.version:
                changed[self._group(name)].add(name)
        for group, names in changed.items():
            self._take(group, names, ours)

    def _take(self, group: str, names: set[str], there: dict[str, Entry]) -> None:
        """Takes over what the store has of a stage: all of it, for parts of two runs do not fit together."""
        if group != _REST:
            index = f"{group}/{INDEX}"
            if index not in there and (self._folder / index).is_file():
                return  # finished here, and not published yet or torn by a run that failed: `publish` sends it
            names = {name for name in (*there, *self._files(), *self._known) if self._group(name) == group}
        at_once(lambda name: self._fetch(name, there.get(name)), sorted(names))

    def _fetch(self, name: str, entry: Entry | None) -> None:
        path, known = self._folder / name, self._known.get(name)
        if entry is None:
            path.unlink(missing_ok=True)
            self._known.forget(name)
        elif known is None or known.version != entry.version or not known.is_of(path):
            with suppress(MissingError):
                self._known.add(name, path, *download(self._storage, self._at(name), path))

    def publish(self) -> int:
        """Sends what has changed to the store; of a stage only when it is finished.

        Returns:
            The number of files that were sent.

        Raises:
            ResourceError: the store fails, or another run has taken over; no stage is half there then.
        """
        there = self._there()
        files = [name for name in self._files() if self._is_ours(name)]
        for stage in self._stages:
            if (self._folder / stage / INDEX).is_file():
                own = [name for name in files if self._group(name) == stage]
                self._publish_stage(stage, own, there)
        self._send_all((name for name in files if self._group(name) == _REST), there)
        return self._sent

    def _publish_stage(self, stage: str, files: list[str], there: dict[str, Entry]) -> None:
        index = f"{stage}/{INDEX}"
        changed = [name for name in files if not self._is_there(name, there)]
        stale = [name for name in there if self._group(name) == stage and name not in files]
        if not changed and not stale:
            return
        self._check()
        self._remove(index)  # while its files change, the stage is not there
        there.pop(index, None)
        self._send_all((name for name in changed if name != index), there)
        at_once(self._remove, stale)
        self._check_content(stage)
        self._check()
        path = self._folder / index
        content = path.read_bytes()
        version = self._storage.put(self._at(index).key, content, NEW if self._lease else None)
        self._known.add(index, path, version, hashlib.sha256(content).hexdigest())
        self._sent += 1

    def _check_content(self, stage: str) -> None:
        """Makes sure that what was sent is what the index says."""
        content: dict[str, Any] = json.loads((self._folder / stage / INDEX).read_bytes())
        wanted = {shard["filename"]: shard["sha256"] for shard in content["shards"]} | content["files"]
        for name, sha256 in wanted.items():
            known = self._known.get(f"{stage}/{name}")
            if known is None or known.sha256 != sha256:
                where = one_line(self._folder / stage / name)
                raise ResourceError(f"{where}: is not the file that {INDEX} lists; run imgprep repair SPEC")

    def _is_there(self, name: str, there: dict[str, Entry]) -> bool:
        known, entry = self._known.get(name), there.get(name)
        same = known is not None and entry is not None and known.version == entry.version
        return same and known is not None and known.is_of(self._folder / name)

    def _send_all(self, names: Iterable[str], there: dict[str, Entry]) -> None:
        at_once(lambda name: self._send(name, there), names)

    def _send(self, name: str, there: dict[str, Entry]) -> None:
        if self._is_there(name, there):
            return
        path, known, entry = self._folder / name, self._known.get(name), there.get(name)
        if known and entry and known.version == entry.version and known.sha256 == sha256_file(path):
            self._known.add(name, path, known.version, known.sha256)  # written again, and the same
            return
        self._known.forget(name)
        version, sha256 = upload(self._storage, self._at(name), path)
        self._known.add(name, path, version, sha256)
        with self._counting:
            self._sent += 1

    def _remove(self, name: str) -> None:
        self._storage.delete(self._at(name).key)
        self._known.forget(name)

    def _check(self) -> None:
        if self._lease is not None:
            self._lease.check()

    def _there(self) -> dict[str, Entry]:
        """What is in the store, by name, but for the lock."""
        start = len(self._address.key) + bool(self._address.key)
        try:
            found = {entry.key[start:]: entry for entry in self._storage.list(self._address.key)}
        except MissingError as error:
            raise RequestError(f"output: {error}") from None
        found.pop(f"{MARKER}/{LOCK}", None)
        return found

    def _files(self) -> Iterator[str]:
        """The files of the working folder, by name."""
        for path in sorted(self._folder.rglob("*")):
            if path.is_file():
                yield path.relative_to(self._folder).as_posix()

    def _is_ours(self, name: str) -> bool:
        """Whether a file goes to the store: what is only remembered to be quick, and what is unfinished, stays here."""
        top, _, rest = name.partition("/")
        if name.rpartition("/")[2].startswith(TEMPORARY) or name == f"{MARKER}/{LOCK}":
            return False
        if top != MARKER:
            return bool(rest)
        kept = rest.partition("/")[0].endswith(".earlier")
        return not kept and ("/" not in rest or self._group(name) != _REST)

    def _group(self, name: str) -> str:
        """The stage that a file is of, also one of imgprep's own records; `_REST` for none."""
        top, _, rest = name.partition("/")
        stage = rest.partition(".")[0] if top == MARKER else top
        return stage if stage in self._stages else _REST

    def _at(self, name: str) -> Address:
        return self._address._replace(key="/".join(filter(None, (self._address.key, name))))
