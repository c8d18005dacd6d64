"""Files of stores on the disk of this machine: fetched once, and forgotten when they take too much room.

A file has its final name when it is complete. Several processes may ask for the same one: one fetches, the others wait.
"""

import hashlib
import os
import random
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from imgprep.errors import ImgprepError, RequestError, ResourceError, check_surroundings, one_line
from imgprep.storage.base import Entry, MissingError
from imgprep.storage.opening import open_storage
from imgprep.storage.transfer import at_once, download
from imgprep.util import locking
from imgprep.util.addresses import Address
from imgprep.util.sizes import parse_size

FOLDER: Final = "IMGPREP_CACHE"
"""Environment variable: the folder of what is fetched, and of what is made before it is published."""
LIMIT: Final = "IMGPREP_CACHE_SIZE"
"""Environment variable: how much of what was fetched is kept."""
_USUAL: Final = "20 GiB"
_WAIT: Final = 0.05
_DAY: Final = 86_400 * 10**9
_LOCKS: Final = ".lock"
_FETCHES: Final = 20

T = TypeVar("T")


def cache_folder(name: str) -> Path:
    """A folder of the cache; it may not exist yet.

    Raises:
        ResourceError: the user has no home.
    """
    try:
        root = os.environ.get(FOLDER)
        return (
            Path(root or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "imgprep").absolute() / name
        )
    except RuntimeError as error:
        raise ResourceError(f"no home folder to keep files of a store in; set {FOLDER}") from error


@dataclass(frozen=True, slots=True)
class CachedObject:
    """An object with known content, fetched when it is first needed, and again when the cache has dropped it.

    Attributes:
        address: where to fetch it from.
        sha256: of the content, in hexadecimal.
        limit: bytes that the cache may have; None for what `LIMIT` says.
    """

    address: Address
    sha256: str
    limit: int | None = None

    @property
    def path(self) -> Path:
        """Where it will be. Equal content is kept once, wherever it comes from."""
        name = f"{self.sha256}-{self.address.key.rpartition('/')[2]}"
        return cache_folder("objects") / self.sha256[:2] / name[-200:]

    def fetch(self) -> None:
        """Fetches it, unless it is there.

        Raises:
            ResourceError: it cannot be had, or has another content.
        """
        _kept(self.address, self.path, self.sha256, self.limit)

    def opened(self, open_: Callable[[str], T]) -> T:
        """What a function makes of the file, which is fetched before.

        Raises:
            ImgprepError: what the function raises, while the file is there.
            ResourceError: it cannot be fetched.
        """
        path = str(self.path)
        for attempt in range(_FETCHES):
            self.fetch()
            try:
                return open_(path)
            except ImgprepError:
                if os.path.lexists(path):
                    raise  # else another process, whose files needed the room, has just removed it
            # After a pause of its own length: of those that remove each other's files one comes to read.
            time.sleep(random.uniform(0, _WAIT * attempt))
        return open_(path)


def cached_file(address: Address) -> tuple[Path, Entry]:
    """A file of a store as it is now, and how the store lists it; fetched unless this version of it is there.

    Raises:
        MissingError: there is no such object.
        ResourceError: it cannot be had.
    """
    entry = open_storage(address).head(address.key)
    path = _folder_of(address, f"{entry.version}\0{entry.size}")
    return _kept(address, path, "", None), entry


def cached_folder(address: Address, wanted: Callable[[Sequence[str]], Mapping[str, str]]) -> Path:
    """The files of a folder in a store as they are now, also of those below it.

    Args:
        address: of the folder.
        wanted: of the names of all files those that are needed, and the SHA-256 that each must have; '' for any.

    Returns:
        A folder of the cache; another one for each state of the files.

    Raises:
        MissingError: no such files are there.
        ResourceError: they cannot be had.
    """
    start = len(address.key) + bool(address.key)
    names = {entry.key[start:]: entry for entry in open_storage(address).list(address.key)}
    needed = {name: sha256 for name, sha256 in wanted(sorted(names)).items() if name in names}
    if not needed:
        raise MissingError(f"{one_line(address)}: there are none of the files; check the address")
    folder = _folder_of(address, *(f"{name}\0{names[name].version}\0{names[name].size}" for name in sorted(needed)))

    def fetch(name: str) -> None:
        _kept(address._replace(key=names[name].key), folder / name, needed[name], None)

    at_once(fetch, needed)
    return folder


def _folder_of(address: Address, *states: str) -> Path:
    """A place for what has a state; the address shows in messages."""
    told = "\0".join((str(address), *states))
    digest = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return cache_folder("files") / digest / address.scheme / address.bucket / address.key


def is_fetched(path: Path) -> bool:
    """Returns whether a path is that of a file that `cached_file` or `cached_folder` fetched."""
    try:
        return path.is_relative_to(cache_folder("files"))
    except ResourceError:
        return False


def fetched_from(path: Path) -> Path:
    """The address that a fetched file is from, without its version; any other path as it is."""
    if not is_fetched(path):
        return path
    _, scheme, bucket, *key = path.relative_to(cache_folder("files")).parts
    return Address(scheme, bucket, "/".join(key)).path


def _kept(address: Address, path: Path, sha256: str, limit: int | None) -> Path:
    try:
        if not _used(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with alone(path):
                if not _used(path):
                    download(open_storage(address), address, path, sha256)
                    _forget(path, size_limit() if limit is None else limit)
    except OSError as error:
        check_surroundings(error, path)
        raise ResourceError(f"{one_line(path)}: cannot be written: {error.strerror}; set {FOLDER}") from error
    return path


def _used(path: Path) -> bool:
    """Whether the file is there; if so, it was used now, and its time of change stands for its version still."""
    try:
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
    except FileNotFoundError:
        return False
    return True


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Waits until no other process has the same file to itself; its folder is there."""
    lock = path.with_name(f".{path.name[-100:]}{_LOCKS}")
    with lock.open("a+", encoding="utf-8") as file:
        while True:
            try:
                locking.lock(file)
                break
            except OSError as error:
                if error.errno not in locking.HELD:
                    break  # no locks here: at worst several fetch it
                time.sleep(_WAIT)
        yield


def size_limit(given: int | str | None = None) -> int:
    """Bytes of fetched files that are kept.

    Args:
        given: a number of bytes, or a size such as 50 GiB; by default what `LIMIT` says, or 20 GiB.

    Raises:
        RequestError: it is no size.
    """
    where = LIMIT if given is None else "cache_size"
    given = os.environ.get(LIMIT) or _USUAL if given is None else given
    try:
        return parse_size(given)
    except ValueError:
        raise RequestError(f"{where}: expected a size such as {_USUAL}, not {one_line(repr(given), 40)}") from None


def _forget(new: Path, limit: int) -> None:
    """Removes what was used longest ago; neither the new file, however large it is, nor inputs of a run of today."""
    files, today = [], time.time_ns() - _DAY
    for folder, oldest in ((cache_folder("objects"), None), (cache_folder("files"), today)):
        for path in folder.rglob("*"):
            with suppress(OSError):
                status = path.stat()
                used = status.st_atime_ns
                if stat.S_ISREG(status.st_mode) and not path.name.startswith(".") and (oldest is None or used < oldest):
                    files.append((used, status.st_size, path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= limit:
            return
        if path != new:
            with suppress(OSError):
                path.unlink()
                total -= size
