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
from typing import Any, Final

from imgprep.dataset.manifest import INDEX, TEMPORARY, commit
from imgprep.errors import RequestError, ResourceError, one_line
from imgprep.pipeline.mirror import LEASE, Mirror
from imgprep.pipeline.workspace import MARKER
from imgprep.storage.base import NEW, Entry, MissingError
from imgprep.storage.cache import alone, cache_folder
from imgprep.storage.lease import Lease
from imgprep.storage.transfer import at_once
from imgprep.util.addresses import Address

_REST: Final = ""


def owner_of(folder: Path) -> str:
    """Names a working folder: a lock of that name is of a run that is dead, for the folder is locked by this one."""
    path = folder.with_name("owner")
    with suppress(OSError):
        return path.read_text("ascii")
    with alone(path):
        if not path.is_file():
            commit(path, uuid.uuid4().hex.encode())
        return path.read_text("ascii")


@contextmanager
def held(lease: Lease) -> Iterator[None]:
    """Takes a lock of an output, and lets it go at the end.

    Raises:
        RequestError: there is no such bucket.
        ResourceError: somebody else holds it, or the store cannot lock.
    """
    try:
        lease.take()
    except MissingError as error:
        raise RequestError(f"output: {error}") from None
    with lease.renewing():
        yield


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
        self._stages: Final = tuple(stages)
        self._mirror: Final = Mirror(address, working_folder(address))
        self._lease: Lease | None = None

    @contextmanager
    def locked(self, *, lock: bool = True) -> Iterator[None]:
        """Keeps other runs out of the store.

        Raises:
            ResourceError: another run has locked it, or parts are being made there, or it cannot be locked.
        """
        if not lock:
            yield
            return
        lease = Lease(self._mirror.storage, self._mirror.at(LEASE), owner_of(self._mirror.folder))
        with held(lease):
            self._lease = lease
            yield
        self._lease = None

    def pull(self) -> None:
        """Brings the working folder up to date with the store, where somebody else has changed that.

        Raises:
            RequestError: it holds something that is no output of imgprep.
            ResourceError: the store fails.
        """
        there, known = self._mirror.there(), self._mirror.known
        ours = {name: entry for name, entry in there.items() if self._is_ours(name)}
        changed: dict[str, set[str]] = defaultdict(set)
        for name in {*ours, *known}:
            before, entry = known.get(name), ours.get(name)
            if before is None or entry is None or before.version != entry.version:
                changed[self._group(name)].add(name)
        for group, names in changed.items():
            self._take(group, names, ours)

    def pull_stage(self, stage: str) -> dict[str, Entry]:
        """The same for one stage, which is finished and which others only read.

        Returns:
            What is in the store.

        Raises:
            RequestError: it holds something that is no output of imgprep.
            ResourceError: the store fails.
        """
        there = self._mirror.there()
        if f"{stage}/{INDEX}" in there:
            self._take(stage, set(), {name: entry for name, entry in there.items() if self._is_ours(name)})
        return there

    def _take(self, group: str, names: set[str], there: dict[str, Entry]) -> None:
        """Takes over what the store has of a stage.

        Of a finished one all of it, for parts of two runs do not fit together; of an unfinished one what has changed,
        for its shards are compared with their hashes before they are kept.
        """
        index = f"{group}/{INDEX}"
        if group != _REST and index in there:
            everything = (*there, *self._mirror.files(), *self._mirror.known)
            names = {name for name in everything if self._group(name) == group}
        elif group != _REST and (self._mirror.folder / index).is_file() and index not in self._mirror.known:
            return  # finished here, and not published yet or torn by a run that failed: `publish` sends it
        at_once(lambda name: self._mirror.fetch(name, there.get(name)), sorted(names))

    def publish(self) -> int:
        """Sends what has changed to the store; of a stage only when it is finished.

        Returns:
            The number of files that were sent.

        Raises:
            ResourceError: the store fails, or another run has taken over; no stage is half there then.
        """
        there = self._mirror.there()
        files = [name for name in self._mirror.files() if self._is_ours(name)]
        for stage in self._stages:
            if (self._mirror.folder / stage / INDEX).is_file():
                own = [name for name in files if self._group(name) == stage]
                self._publish_stage(stage, own, there)
        self._mirror.send_all((name for name in files if self._group(name) == _REST), there)
        return self._mirror.sent

    def _publish_stage(self, stage: str, files: list[str], there: dict[str, Entry]) -> None:
        mirror, index = self._mirror, f"{stage}/{INDEX}"
        changed = [name for name in files if not mirror.is_same(name, there)]
        stale = [name for name in there if self._group(name) == stage and name not in files]
        if not changed and not stale:
            return
        self._check()
        mirror.remove(index)  # while its files change, the stage is not there
        there.pop(index, None)
        mirror.send_all((name for name in changed if name != index), there)
        at_once(mirror.remove, stale)
        self._check_content(stage)
        self._check()
        path = mirror.folder / index
        content = path.read_bytes()
        version = mirror.storage.put(mirror.at(index).key, content, NEW if self._lease else None)
        mirror.known.add(index, path, version, hashlib.sha256(content).hexdigest())
        mirror.count()

    def _check_content(self, stage: str) -> None:
        """Makes sure that what was sent is what the index says."""
        content: dict[str, Any] = json.loads((self._mirror.folder / stage / INDEX).read_bytes())
        wanted = {shard["filename"]: shard["sha256"] for shard in content["shards"]} | content["files"]
        for name, sha256 in wanted.items():
            known = self._mirror.known.get(f"{stage}/{name}")
            if known is None or known.sha256 != sha256:
                where = one_line(self._mirror.folder / stage / name)
                raise ResourceError(f"{where}: is not the file that {INDEX} lists; run imgprep repair SPEC")

    def _check(self) -> None:
        if self._lease is not None:
            self._lease.check()

    def _is_ours(self, name: str) -> bool:
        """Whether a file goes to the store: what is only remembered to be quick, and what is unfinished, stays here."""
        top, _, rest = name.partition("/")
        if name.rpartition("/")[2].startswith(TEMPORARY) or name == LEASE:
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
