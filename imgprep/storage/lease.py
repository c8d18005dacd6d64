"""Locks in a store: objects that are renewed while their holder lives.

A run has one that is written only where there is none. Parts of a stage have one each, in a folder beside it. Who takes
a lock writes it before it looks for those of the other kind, so that of a run and a part at least one sees the other.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from imgprep.errors import ImgprepError, ResourceError, one_line
from imgprep.storage.base import NEW, ConflictError, MissingError, Storage, UnconditionalError
from imgprep.util.addresses import Address

RENEWED: Final = 60.0
"""Seconds after which a holder writes its lock again."""
STALE: Final = 600.0
"""Seconds without that after which its holder counts as dead."""
PARTS: Final = "s/"
"""What the key of a run's lock and the name of a part make that of the part."""
_LARGEST: Final = 1 << 16


class Lease:
    """A lock that this process holds alone.

    Args:
        storage: of its bucket.
        address: of its object.
        owner: names the holder; whoever has the same name may take it over.
    """

    def __init__(self, storage: Storage, address: Address, owner: str) -> None:
        self._storage = storage
        self._address = address
        self._owner = owner
        self._what = ""
        self._once = os.urandom(8).hex()
        self._since = _now()
        self._version = ""
        self._lost = ""
        self._ended = threading.Event()
        self._writing = threading.Lock()

    def take(self) -> None:
        """Takes the lock.

        Raises:
            ResourceError: somebody else holds it or makes a part, or the store cannot lock.
        """
        try:
            self._version = self._storage.put(self._address.key, self._content(), NEW)
        except ConflictError:
            self._take_over()
        except UnconditionalError as error:
            raise ResourceError(
                f"{error}, so it cannot be locked; give an --output in S3, Google Cloud Storage or Azure, or set "
                "execution.lock: false and see to it yourself that no two runs write there"
            ) from error
        try:
            self._refuse_others()
        except ImgprepError:
            self._release()
            raise

    def _refuse_others(self) -> None:
        """Makes sure that no part is being made; the locks of dead ones are removed."""
        for entry in list(self._storage.list(f"{self._address.key}{PARTS}".rstrip("/"))):
            if (holder := self._alive(entry.key)) is not None:
                raise self._held(f"{holder.get('who', 'a part')} since {holder.get('since', 'some time')}")
            self._storage.delete(entry.key)

    def _alive(self, key: str) -> dict[str, Any] | None:
        """What another lock says, if its holder may be alive."""
        try:
            holder = _parsed(self._storage.get(key, _LARGEST)[0])
        except (MissingError, ValueError):
            return None
        age = time.time() - _seconds(holder.get("renewed"))
        return holder if holder.get("owner") != self._owner and age < STALE else None

    def _take_over(self) -> None:
        """Replaces the lock of a holder that is dead, and of no other."""
        try:
            content, entry = self._storage.get(self._address.key, _LARGEST)
        except (MissingError, ValueError):
            raise self._held("another run") from None
        holder = _parsed(content)
        age = time.time() - _seconds(holder.get("renewed"))
        if holder.get("owner") != self._owner and age < STALE:
            raise self._held(f"{holder.get('who', 'another run')} since {holder.get('since', 'some time')}")
        try:
            self._version = self._storage.put(self._address.key, self._content(), entry.version)
        except ConflictError:
            raise self._held("another run") from None

    def _held(self, who: str) -> ResourceError:
        folder = self._address._replace(key=self._address.key.rpartition("/.imgprep/")[0])
        return ResourceError(
            f"{one_line(folder)}: held by {one_line(who, 120)}; wait for it to end, or give another --output; if it is "
            f"dead, its lock is let go {STALE / 60:.0f} minutes after it"
        )

    def check(self) -> None:
        """Makes sure that nobody has taken the lock over.

        Raises:
            ResourceError: somebody has.
        """
        with self._writing:
            if self._lost or not self._is_ours():
                self._lost = "another run has taken over"
                raise ResourceError(f"{one_line(self._address)}: {self._lost}; run again")

    def _is_ours(self) -> bool:
        """Whether the object is what this holder wrote last, if perhaps without an answer."""
        try:
            content, entry = self._storage.get(self._address.key, _LARGEST)
        except (MissingError, ValueError):
            return False
        holder = _parsed(content)
        ours = (holder.get("owner"), holder.get("once")) == (self._owner, self._once)
        if ours:
            self._version = entry.version
        return ours

    @contextmanager
    def renewing(self) -> Iterator[None]:
        """Writes the lock again and again meanwhile, and removes it at the end."""
        thread = threading.Thread(target=self._renew, name="imgprep-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()
            self._release()

    def _renew(self) -> None:
        while not self._ended.wait(RENEWED):
            with self._writing:
                try:
                    if not self._renewed():
                        return
                except ImgprepError:
                    continue  # the next time it may work; `check` asks before anything is published

    def _renewed(self) -> bool:
        """Writes the lock again, if it is still this one's."""
        if not self._is_ours():
            self._lost = "another run has taken over"
            return False
        self._version = self._storage.put(self._address.key, self._content(), self._version)
        return True

    def _release(self) -> None:
        try:
            if not self._lost and self._is_ours():
                self._storage.delete(self._address.key)
        except ImgprepError:
            return  # it grows old

    def _content(self) -> bytes:
        who = f"{self._what}process {os.getpid()} on {socket.gethostname()}"
        told = {"owner": self._owner, "who": who, "since": self._since, "renewed": _now(), "once": self._once}
        return json.dumps(told).encode()


class PartLease(Lease):
    """A lock that a part holds beside other parts, and never beside a run.

    The same part may be made twice: whoever comes later takes the lock over, and whoever finds it gone takes it again.

    Args:
        storage: of its bucket.
        run: the address of the lock of runs.
        owner: names the holder.
        part: its name, such as ``convert.part-3-of-16``.
    """

    def __init__(self, storage: Storage, run: Address, owner: str, part: str) -> None:
        super().__init__(storage, run._replace(key=f"{run.key}{PARTS}{part}"), owner)
        self._run = run
        self._what = f"{part}, "

    def _take_over(self) -> None:
        self._version = self._storage.put(self._address.key, self._content())

    def _refuse_others(self) -> None:
        if (holder := self._alive(self._run.key)) is not None:
            raise self._held(f"{holder.get('who', 'another run')} since {holder.get('since', 'some time')}")

    def check(self) -> None:
        """Makes sure that no run has begun meanwhile.

        Raises:
            ResourceError: one has.
        """
        with self._writing:
            self._renewed()
            self._refuse_others()

    def _renewed(self) -> bool:
        if self._is_ours() or self._alive(self._address.key) is None:
            self._take_over()
        return True


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _seconds(text: Any) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (TypeError, ValueError):
        return 0.0


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        told = json.loads(content)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
