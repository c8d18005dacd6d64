"""All other schemes, by the library fsspec."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final, TypeVar

from imgprep.errors import RequestError, ResourceError, one_line
from imgprep.storage.base import Entry, MissingError, RefusedError, UnconditionalError
from imgprep.util.addresses import Address

T = TypeVar("T")


class FilesystemStorage:
    """A file system of fsspec; see `Storage`. It has no writes under a condition.

    Args:
        address: of the host or bucket.
    """

    def __init__(self, address: Address) -> None:
        import fsspec  # noqa: PLC0415 - asked for by an address only

        self._bucket: Final = address._replace(key="")
        try:
            files, root = fsspec.core.url_to_fs(str(self._bucket))
        except ImportError as error:
            raise RequestError(f"{self._bucket}: {one_line(error, 160)}; install what fsspec needs for it") from None
        except Exception as error:  # noqa: BLE001 - whatever the library of a scheme raises
            raise ResourceError(f"{self._bucket}: cannot be opened: {one_line(error, 160)}") from None
        self._files: Final[Any] = files
        self._root: Final = root.rstrip("/")

    def list(self, prefix: str) -> Iterator[Entry]:
        """See `Storage.list`."""
        found = self._tried(lambda: self._files.find(self._path(prefix), detail=True), prefix)
        start = len(self._root) + 1
        for path, about in found.items():
            yield _entry(path[start:], about)

    def head(self, key: str) -> Entry:
        """See `Storage.head`."""
        about = self._tried(lambda: self._files.info(self._path(key)), key)
        if about.get("type") == "directory":
            raise MissingError(f"{self._name(key)}: is a folder; check the address")
        return _entry(key, about)

    def get(self, key: str, most: int) -> tuple[bytes, Entry]:
        """See `Storage.get`."""
        entry = self.head(key)
        if entry.size > most:
            raise ValueError(f"{entry.size} bytes, over the limit of {most} bytes")
        return self.read(key, 0, entry.size), entry

    def read(self, key: str, start: int, end: int) -> bytes:
        """See `Storage.read`."""
        data = bytes(self._tried(lambda: self._files.cat_file(self._path(key), start=start, end=end), key))
        if len(data) != end - start:
            raise ResourceError(f"{self._name(key)}: the answer has {len(data)} bytes instead of {end - start}")
        return data

    def put(self, key: str, content: bytes, version: str | None = None) -> str:
        """See `Storage.put`."""
        if version is not None:
            raise UnconditionalError(f"{self._name(key)}: {self._bucket.scheme} cannot write under a condition")
        self._parent(key)
        self._tried(lambda: self._files.pipe_file(self._path(key), content), key)
        return self.head(key).version

    def upload(self, key: str, path: str) -> str:
        """See `Storage.upload`."""
        self._parent(key)
        self._tried(lambda: self._files.put_file(path, self._path(key)), key)
        return self.head(key).version

    def delete(self, key: str) -> None:
        """See `Storage.delete`."""
        try:
            self._tried(lambda: self._files.rm_file(self._path(key)), key)
        except MissingError:
            return

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}" if key else self._root

    def _name(self, key: str) -> str:
        return one_line(self._bucket._replace(key=key))

    def _parent(self, key: str) -> None:
        self._tried(lambda: self._files.makedirs(self._path(key.rpartition("/")[0]), exist_ok=True), key)

    def _tried(self, request: Callable[[], T], key: str) -> T:
        try:
            self._files.invalidate_cache()
            return request()
        except FileNotFoundError:
            raise MissingError(f"{self._name(key)}: there is no such object; check the address") from None
        except PermissionError as error:
            raise RefusedError(f"{self._name(key)}: the store does not let us in ({one_line(error, 120)})") from None
        except Exception as error:  # noqa: BLE001 - whatever the library of a scheme raises
            said = one_line(error, 160) or type(error).__name__
            raise ResourceError(f"{self._name(key)}: the store fails: {said}; check the connection") from None


def _entry(key: str, about: Any) -> Entry:
    names = ("etag", "ETag", "md5", "mtime", "LastModified", "last_modified", "created", "ino")
    version = next((_plain(about[name]) for name in names if about.get(name)), "")
    return Entry(key, int(about.get("size") or 0), version)


def _plain(value: Any) -> str:
    """A version as text; one moment is one text, however the library has it where it lists and where it looks."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return str(value).strip('"')
    return f"{value.timestamp() if isinstance(value, datetime) else value:.6f}"
