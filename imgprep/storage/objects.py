"""S3, Google Cloud Storage, Azure Blob Storage, http and memory, by the library obstore."""

import importlib
import os
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from imgprep.errors import RequestError, ResourceError, one_line
from imgprep.storage.base import (
    NEW,
    ConflictError,
    Entry,
    MissingError,
    RangelessError,
    RefusedError,
    UnconditionalError,
)
from imgprep.storage.credentials import from_files
from imgprep.util.addresses import Address

PART: Final = 8 << 20
"""Bytes that are sent or asked for at once."""
SECONDS: Final = "IMGPREP_STORE_TIMEOUT"
"""Environment variable: for how many seconds an image is asked for; a request, of at most `PART` bytes, has a third."""
_TRIES: Final = 4
_PAUSE: Final = 0.2
_STATUS: Final = re.compile(r"status code: (\d+[^:\n]*)")
_CODE: Final = re.compile(r"<Code>([^<]+)</Code>")
_NO_BUCKET: Final = ("NoSuchBucket", "ContainerNotFound")
_UNSAID: Final = re.compile(r"redential|must be specified")
"""What the library says where it has no credentials, or not enough of them."""
_CREDENTIALS: Final = {
    ("s3:", "s3a:"): "AWS_ACCESS_KEY_ID",
    ("gs:", "gcs:"): "GOOGLE_APPLICATION_CREDENTIALS",
    ("az:", "azure:", "abfs:", "abfss:", "adl:"): "AZURE_STORAGE_ACCOUNT_NAME",
}
_REFUSALS: Final = ("PermissionDeniedError", "UnauthenticatedError")
_REASON: Final = re.compile(r"HTTP error: ([^\n]+)")

T = TypeVar("T")


class ObjectStorage:
    """A bucket of an object store; see `Storage`. The library retries; a broken answer is asked for again here.

    Args:
        address: of the bucket.
    """

    def __init__(self, address: Address) -> None:
        self._failed: Final[type[Exception]] = importlib.import_module("obstore.exceptions").BaseError
        self._bucket: Final = address._replace(key="")
        self._store: Final[Any] = self._failing(lambda: _store(address), str(self._bucket))

    def list(self, prefix: str) -> Iterator[Entry]:
        """See `Storage.list`."""
        where = str(self._bucket._replace(key=prefix))
        pages = iter(self._failing(lambda: self._store.list(prefix or None), where))
        while (page := self._listing(lambda: next(pages, None), where)) is not None:
            for found in page:
                if found["path"] != prefix:
                    yield _entry(found)

    def _listing(self, request: Callable[[], T], where: str) -> T:
        """As `_failing`; servers of web pages do not list what they have, unless they speak WebDAV."""
        try:
            return self._failing(request, where)
        except ResourceError:
            if self._bucket.scheme not in {"http", "https"}:
                raise
            raise RequestError(
                f"{one_line(where)}: its files cannot be listed; give a table with the whole address of each image "
                f"(layout: csv), or one archive"
            ) from None

    def head(self, key: str) -> Entry:
        """See `Storage.head`."""
        return _entry(self._failing(lambda: self._store.head(key), self._name(key)))

    def get(self, key: str, most: int) -> tuple[bytes, Entry]:
        """See `Storage.get`."""

        def whole() -> tuple[bytes, Entry]:
            found = self._store.get(key)
            entry = _entry(found.meta)
            if entry.size > most:
                raise ValueError(f"{entry.size} bytes, over the limit of {most} bytes")
            return self._complete(bytes(found.bytes()), entry.size), entry

        return self._tried(whole, key, _seconds())

    def read(self, key: str, start: int, end: int) -> bytes:
        """See `Storage.read`."""
        if start == end:
            return b""
        return self._tried(
            lambda: self._complete(bytes(self._store.get_range(key, start=start, end=end)), end - start), key
        )

    def put(self, key: str, content: bytes, version: str | None = None) -> str:
        """See `Storage.put`."""
        mode: Any = "overwrite" if version is None else "create" if version == NEW else {"e_tag": f'"{version}"'}
        try:
            done = self._tried(lambda: self._store.put(key, content, mode=mode, use_multipart=False), key)
        except ConflictError:
            # An answer may be lost on its way after the object was written: then the next try finds our own.
            mine, entry = self.get(key, max(len(content), 1 << 20))
            if mine != content:
                raise
            return entry.version
        return _version(done)

    def upload(self, key: str, path: str) -> str:
        """See `Storage.upload`; a large file goes in parts."""
        return _version(self._tried(lambda: self._store.put(key, Path(path), chunk_size=PART, max_concurrency=2), key))

    def delete(self, key: str) -> None:
        """See `Storage.delete`."""
        try:
            self._failing(lambda: self._store.delete(key), self._name(key))
        except MissingError:
            return

    def _name(self, key: str) -> str:
        return str(self._bucket._replace(key=key))

    def _complete(self, data: bytes, size: int) -> bytes:
        if len(data) != size:
            raise self._failed(f"HTTP error: the answer has {len(data)} bytes instead of {size}")
        return data

    def _tried(self, request: Callable[[], T], key: str, seconds: float = float("inf")) -> T:
        """Repeats what failed in the middle of an answer, which the library does not, for so long."""
        end = time.monotonic() + seconds * 0.6
        for attempt in range(_TRIES):
            try:
                return self._failing(request, self._name(key))
            except (MissingError, ConflictError, RefusedError, RangelessError):
                raise
            except ResourceError:
                if attempt == _TRIES - 1 or time.monotonic() > end:
                    raise
                time.sleep(_PAUSE * 2**attempt)
        raise AssertionError

    def _failing(self, request: Callable[[], T], where: str) -> T:
        """What a request gives, or the error of ours for that of the library."""
        try:
            return request()
        except FileNotFoundError as error:
            raise _missing(str(error), one_line(where)) from None
        except NotImplementedError as error:
            raise UnconditionalError(f"{one_line(where)}: {one_line(str(error).partition(chr(10))[0], 160)}") from None
        except self._failed as error:
            raise _translated(error, one_line(where)) from None


def _translated(error: Exception, where: str) -> ResourceError:
    kind, text = type(error).__name__, str(error).partition("\n\nDebug source")[0]
    if kind in {"AlreadyExistsError", "PreconditionError"}:
        return ConflictError(f"{where}: somebody else has written it meanwhile; run again")
    code, status, reason = _CODE.search(text), _STATUS.search(text), _REASON.search(text)
    said = " ".join(found[1].strip() for found in (status, code) if found)
    said = said or one_line(reason[1] if reason else text.partition("\n")[0], 160)
    if code is not None and code[1] in _NO_BUCKET:
        return _missing(text, where)
    if kind in _REFUSALS or _UNSAID.search(text) or said.startswith(("401", "403")):
        variable = next((name for schemes, name in _CREDENTIALS.items() if where.startswith(schemes)), "")
        given = f" in the environment, such as {variable}," if variable else ""
        return RefusedError(
            f"{where}: the store does not let us in ({said}); check the credentials{given} and their rights"
        )
    if kind == "NotSupportedError" and "Range" in text:
        return RangelessError(f"{where}: the server gives whole files only; download it and give its path on disk")
    if kind in {"InvalidPathError", "NotSupportedError"}:
        said = one_line(text.partition("\n")[0], 200)
        return RefusedError(f"{where}: {said}; give such objects other keys")
    return ResourceError(f"{where}: the store fails: {said}; check the connection, then rerun the same command")


def _missing(text: str, where: str) -> MissingError:
    what = "bucket" if any(code in text for code in _NO_BUCKET) else "object"
    return MissingError(f"{where}: there is no such {what}; check the address")


def _entry(found: Any) -> Entry:
    return Entry(found["path"], int(found["size"]), _version(found))


def _version(found: Any) -> str:
    tag = (found.get("e_tag") or "").removeprefix("W/").strip('"')
    changed = found.get("last_modified")
    return tag or (f"{changed.timestamp():.6f}" if changed else str(found.get("version") or ""))


def _store(address: Address) -> Any:
    library: Any = importlib.import_module("obstore.store")  # not before an address asks for it
    if address.scheme == "memory":
        return library.MemoryStore()
    seconds = timedelta(seconds=_seconds() / 3)
    backoff = {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=5), "base": 2}
    retries = {"max_retries": 6, "retry_timeout": seconds, "backoff": backoff}
    options = {"allow_http": _plain_http(address), "timeout": seconds, "connect_timeout": min(seconds, _CONNECT)}
    given = from_files() if address.scheme in {"s3", "s3a"} else {}
    if given.get("endpoint", "").startswith("http://"):
        options["allow_http"] = True
    scheme = {"gcs": "gs", "s3a": "s3"}.get(address.scheme, address.scheme)
    return library.from_url(f"{scheme}://{address.bucket}", client_options=options, retry_config=retries, **given)


_CONNECT: Final = timedelta(seconds=5)


def _seconds() -> float:
    try:
        seconds = float(os.environ.get(SECONDS) or 24)
    except ValueError:
        seconds = 0
    if seconds <= 0:
        raise ResourceError(f"{SECONDS}: is no number of seconds; give one such as 24")
    return seconds


def _plain_http(address: Address) -> bool:
    """Whether the user asked for an endpoint without TLS."""
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")
    urls = (os.environ.get(name, "") for name in (*names, "GOOGLE_BASE_URL"))
    return address.scheme == "http" or any(url.startswith("http://") for url in urls)
