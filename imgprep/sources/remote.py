"""Remote images: fetched once, kept on disk, tried again when that may help."""

import hashlib
import os
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from annotated_types import Ge, Gt

from imgprep.decoding.formats import sniff
from imgprep.errors import ImageError, ResourceError, TransientError, check_surroundings, one_line
from imgprep.sources.retry import retried

if TYPE_CHECKING:
    from imgprep.sources.network import Browser

PRIVATE: Final = "private"
"""The folder in the cache for what specs fetched that may ask private addresses."""


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


class Connections:
    """The connections of one source, opened on first use; a pickled or forked copy opens its own."""

    __slots__ = ("_browsers", "_lock")

    def __init__(self) -> None:
        self._browsers: dict[tuple[int, bool], Browser] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type["Connections"], tuple[()]]:
        return Connections, ()

    def browser(self, *, allow_private: bool) -> "Browser":
        """The connections of this process; what may ask private addresses shares none with what may not."""
        from imgprep.sources.network import Browser  # noqa: PLC0415 - only who fetches pays for it

        key = os.getpid(), allow_private
        with self._lock:
            if key not in self._browsers:
                self._browsers[key] = Browser(allow_private=allow_private)
            return self._browsers[key]

    def __del__(self) -> None:
        if not sys.is_finalizing():  # the libraries may be gone by then, and the system closes sockets anyway
            self.close()

    def close(self) -> None:
        """Closes the connections of this process."""
        for key in [key for key in self._browsers if key[0] == os.getpid()]:
            self._browsers.pop(key).close()


def fetch(address: str, remote: Remote, connections: Connections | None = None) -> bytes:
    """Returns what is at an address, from the cache if it was fetched before.

    Only what came completely and begins like an image is kept; a failure is not, so that the next run tries again.

    Args:
        address: http or https.
        remote: how it is fetched.
        connections: to use, and to leave open for the next image; None opens one for this image alone.

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
    own = Connections() if connections is None else connections
    try:
        browser = own.browser(allow_private=remote.allow_private)
        data = retried(lambda left: browser.get(address, remote.max_bytes, left), remote.timeout, remote.retries)
    except ImageError as error:
        raise TransientError(str(error)) from None
    finally:
        if connections is None:
            own.close()
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
