"""Remote images: fetched once, kept on disk, tried again when that may help."""

import hashlib
import importlib
import os
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Protocol

from annotated_types import Ge, Gt

from imgprep.decoding.formats import sniff
from imgprep.errors import ImageError, ResourceError, TransientError, check_surroundings, one_line

_BACK_OFF: Final = 0.5
PRIVATE: Final = "private"
"""The folder in the cache for what specs fetched that may ask private addresses."""


class RetryableError(Exception):
    """The server or the network may do better next time.

    Attributes:
        reason: one line.
        wait: seconds that the server asks to wait; 0 when it does not.
    """

    def __init__(self, reason: str, wait: float = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait


class Browser(Protocol):
    """The module that fetches; imported on first use because it needs an HTTP library."""

    def get(self, address: str, max_bytes: int, seconds: float) -> bytes:
        """Fetches one resource; raises `ImageError` or `RetryableError`."""
        ...


@dataclass(frozen=True, slots=True)
class Remote:
    """Settings for fetching images.

    Attributes:
        cache: the folder where what was fetched is kept, by address; by default imgprep's in the user's cache folder.
        allow_private: whether addresses of the own machine and network may be fetched.
        timeout: seconds for one image, all attempts and redirects together.
        retries: how often it is tried again when the server is overloaded or the connection fails.
        max_bytes: the largest answer that is taken.
    """

    cache: Path | None = None
    allow_private: bool = False
    timeout: Annotated[float, Gt(0)] = 25.0
    retries: Annotated[int, Ge(0)] = 3
    max_bytes: Annotated[int, Gt(0)] = 256 << 20


def fetch(address: str, remote: Remote) -> bytes:
    """Returns what is at an address, from the cache if it was fetched before.

    Only what came completely and begins like an image is kept; a failure is not, so that the next run tries again.

    Raises:
        TransientError: it cannot be had now, and why.
        RequestError: the HTTP library is not installed.
        ResourceError: the cache cannot be written.
    """
    kept = cache_file(address, remote)
    found = _kept(kept)
    if found is not None:
        if len(found) > remote.max_bytes:
            raise TransientError(f"{len(found)} bytes, more than the {remote.max_bytes} that max_bytes allows")
        return found
    try:
        data = _download(address, remote)
    except ImageError as error:
        raise TransientError(str(error)) from None
    if not data:
        raise TransientError("the server sent nothing")
    try:
        sniff(data)
    except ImageError as error:
        raise TransientError(f"the server's answer is {error}") from None
    _keep(kept, data)
    return data


def forget(address: str, remote: Remote) -> None:
    """Drops what is kept of an address, if it can be dropped: the next `fetch` asks the server again."""
    with suppress(OSError):
        cache_file(address, remote).unlink()


def cache_file(address: str, remote: Remote) -> Path:
    """The path of a cached response; separate from the others when private addresses may be fetched.

    What a spec may not fetch, it must not get from what another spec left.
    """
    name = hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()
    folder = remote.cache or default_cache()
    return (folder / PRIVATE if remote.allow_private else folder) / name[:2] / name


def default_cache() -> Path:
    """The folder for what was fetched when the spec names none.

    Raises:
        ResourceError: the user has no home.
    """
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "imgprep" / "remote"
    except RuntimeError as error:
        raise ResourceError("no home folder to keep remote images in; set source.remote.cache") from error


def _download(address: str, remote: Remote) -> bytes:
    browser = _browser(allow_private=remote.allow_private)
    end = time.monotonic() + remote.timeout
    reason = "no time was left"
    for attempt in range(remote.retries + 1):
        try:
            return browser.get(address, remote.max_bytes, end - time.monotonic())
        except RetryableError as error:
            reason = error.reason
            wait = max(_BACK_OFF * 2**attempt, error.wait)
            if attempt == remote.retries or time.monotonic() + wait >= end:
                break
            time.sleep(wait)
    raise ImageError(f"cannot be fetched: {reason}")


def _browser(*, allow_private: bool) -> Browser:
    """The connections of this process, opened on first use."""
    network = importlib.import_module("imgprep.sources.network")  # only who fetches pays for the import
    key = (os.getpid(), allow_private)
    if key not in _BROWSERS:
        _BROWSERS[key] = network.Browser(allow_private=allow_private)
    return _BROWSERS[key]


_BROWSERS: Final[dict[tuple[int, bool], Browser]] = {}


def _kept(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        check_surroundings(error, path)
        raise ResourceError(f"{one_line(path)}: cannot be read: {error.strerror}; set source.remote.cache") from error


def _keep(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ResourceError(
            f"{one_line(path)}: cannot be written: {error.strerror}; set source.remote.cache"
        ) from error
