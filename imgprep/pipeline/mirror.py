"""A folder on disk and the folder in a store that has the same files, one file at a time."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final

from imgprep.dataset.manifest import sha256_file
from imgprep.errors import RequestError, one_line
from imgprep.pipeline.workspace import LOCK, MARKER
from imgprep.storage.base import Entry, MissingError, Storage
from imgprep.storage.known_files import KnownFiles
from imgprep.storage.lease import PARTS
from imgprep.storage.opening import open_storage
from imgprep.storage.transfer import at_once, download, upload
from imgprep.util.addresses import Address

LEASE: Final = f"{MARKER}/{LOCK}"
"""The lock of a run; those of parts are in a folder beside it."""
KNOWN: Final = "known.jsonl"
"""The file beside the folder in which what is known of both is kept."""


class Mirror:
    """An output in a store and its folder on disk. Several threads may send different files.

    Args:
        address: of the output.
        folder: on disk.

    Attributes:
        sent: how many files were sent.
    """

    def __init__(self, address: Address, folder: Path) -> None:
        self.address: Final = address
        self.folder: Final = folder
        self.storage: Final[Storage] = open_storage(address)
        self.known: Final = KnownFiles(folder.with_name(KNOWN))
        self.sent = 0
        self._counting = Lock()

    def at(self, name: str) -> Address:
        """The address of a file of the output."""
        return self.address._replace(key="/".join(filter(None, (self.address.key, name))))

    def there(self) -> dict[str, Entry]:
        """What is in the store, by name, but for locks.

        Raises:
            RequestError: there is no such bucket, or it holds something that is no output of imgprep.
        """
        start = len(self.address.key) + bool(self.address.key)
        try:
            found = {entry.key[start:]: entry for entry in self.storage.list(self.address.key)}
        except MissingError as error:
            raise RequestError(f"output: {error}") from None
        found = {name: entry for name, entry in found.items() if name != LEASE and not name.startswith(LEASE + PARTS)}
        if found and not any(name.startswith(f"{MARKER}/") for name in found):
            raise RequestError(
                f"output: {one_line(self.address)}: is not empty and no output of imgprep; choose another one"
            )
        return found

    def files(self) -> Iterator[str]:
        """The files on disk, by name."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                yield path.relative_to(self.folder).as_posix()

    def fetch(self, name: str, entry: Entry | None) -> None:
        """Makes the file on disk what it is in the store; None removes it."""
        path, known = self.folder / name, self.known.get(name)
        if entry is None:
            path.unlink(missing_ok=True)
            self.known.forget(name)
        elif known is None or known.version != entry.version or not known.is_of(path):
            with suppress(MissingError):
                self.known.add(name, path, *download(self.storage, self.at(name), path))

    def is_same(self, name: str, there: Mapping[str, Entry]) -> bool:
        """Whether a file is the same in both places, as far as that is known without reading it."""
        known, entry = self.known.get(name), there.get(name)
        same = known is not None and entry is not None and known.version == entry.version
        return same and known is not None and known.is_of(self.folder / name)

    def send_all(self, names: Iterable[str], there: Mapping[str, Entry]) -> None:
        """Sends several files at a time; see `send`."""
        at_once(lambda name: self.send(name, there), names)

    def send(self, name: str, there: Mapping[str, Entry]) -> None:
        """Makes the file in the store what it is on disk.

        Raises:
            ResourceError: the store fails, or has something else again and again.
        """
        if self.is_same(name, there):
            return
        path, known, entry = self.folder / name, self.known.get(name), there.get(name)
        if known and entry and known.version == entry.version and known.sha256 == sha256_file(path):
            self.known.add(name, path, known.version, known.sha256)  # written again, and the same
            return
        self.known.forget(name)
        version, sha256 = upload(self.storage, self.at(name), path)
        self.known.add(name, path, version, sha256)
        self.count()

    def count(self) -> None:
        """Counts a file that was sent."""
        with self._counting:
            self.sent += 1

    def remove(self, name: str) -> None:
        """Removes a file from the store."""
        self.storage.delete(self.at(name).key)
        self.known.forget(name)
