"""Watches what the decoders' C libraries write to descriptor 2: libjpeg's only sign of damage.

libjpeg fills a damaged image with grey and says so on standard error. So descriptor 2 is turned to a private buffer
while images are decoded, and an image is good when its decoding left that buffer where it was.

With several threads, a warning belongs to any of the images in work. One that finds something in the buffer therefore
waits until it is alone, decodes again, and decides on that. Clean images, nearly all, stay parallel.
"""

import io
import mmap
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import get_ident
from types import TracebackType
from typing import Final, ParamSpec, Self, TextIO, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class _Capture:
    """The one redirection of this process.

    ``told`` is called with whether somebody listens, so that libraries can speak up then and keep silent else.

    ``running`` holds the threads that are decoding, ``open`` tells them that they may. Both are read and written
    without a lock on the fast path: a thread first enters itself, then looks whether it may, and who wants to be alone
    first closes, then waits until nobody is entered.
    """

    def __init__(self) -> None:
        self.open = False
        self.running: Final[set[int]] = set()
        self.buffer: mmap.mmap | bytearray = bytearray(1)
        self.depth = 0
        self._sink = self._saved = -1
        # Guards everything but ``running``; re-entrant because to be alone may be asked for by who installs.
        self.lock: Final = threading.RLock()
        self._old_stream: TextIO | None = None
        self._new_stream: TextIO | None = None
        self.told: Callable[[bool], object] = bool

    def acquire(self) -> None:
        with self.lock:
            if not self.depth:
                self._install()
            self.depth += 1

    def release(self) -> None:
        with self.lock:
            if self.depth > 1:
                self.depth -= 1
                return
            with self.alone():
                self.depth = 0
                self._restore()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else decodes; the caller is not entered in ``running``."""
        with self.lock:
            self.open = False
            while self.running:
                time.sleep(_WAIT)
            try:
                yield
            finally:
                self.open = self.depth > 0

    def _install(self) -> None:
        try:
            self._saved = os.dup(2)
        except OSError:  # a daemon may have closed it
            self._saved = -1
        else:
            self._turn_stream()
        self._sink = _private_file()
        if self._sink == 2:  # the lowest free descriptor
            self._sink = os.dup(2)
        os.ftruncate(self._sink, _BUFFER_BYTES)
        self.buffer = mmap.mmap(self._sink, _BUFFER_BYTES)
        os.dup2(self._sink, 2, inheritable=False)
        self.told(True)
        self.open = True

    def _turn_stream(self) -> None:
        """Lets Python's own messages reach the real standard error meanwhile."""
        stream = sys.stderr
        try:
            if stream.fileno() != 2:
                return
            stream.flush()
        except (AttributeError, OSError, ValueError):
            return
        self._old_stream = stream
        self._new_stream = sys.stderr = io.TextIOWrapper(
            os.fdopen(os.dup(self._saved), "wb", 0), stream.encoding, stream.errors, write_through=True
        )

    def _restore(self) -> None:
        self.told(False)
        if self._old_stream is not None:
            if sys.stderr is self._new_stream:
                sys.stderr = self._old_stream
            if self._new_stream is not None:
                with suppress(OSError, ValueError):
                    self._new_stream.close()
        self._old_stream = self._new_stream = None
        if self._saved >= 0:
            os.dup2(self._saved, 2)
            os.close(self._saved)
        else:
            os.close(2)
        os.close(self._sink)
        self._sink = self._saved = -1
        self.buffer = bytearray(1)

    def rewind(self) -> None:
        """Empties the buffer; only alone."""
        with suppress(OSError):  # Windows does not shorten a mapped file
            os.ftruncate(self._sink, _BUFFER_BYTES)
        os.lseek(self._sink, 0, os.SEEK_SET)
        self.buffer[:] = bytes(_BUFFER_BYTES)

    def text(self) -> str:
        """The beginning of what the buffer holds, as one line; only alone."""
        raw = bytes(self.buffer).rstrip(b"\0")
        return "; ".join(raw.decode("utf-8", "replace").split("\n")).strip("; ")


_WAIT: Final = 0.0002
_BUFFER_BYTES: Final = 4096
_capture: Final = _Capture()


def tell(call: Callable[[bool], object]) -> None:
    """Names what is called with True when `quiet_stderr` begins to listen, and with False when it ends."""
    _capture.told = call


def _private_file() -> int:
    """A file without a name; in memory where the system can."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("imgprep-stderr")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class quiet_stderr:  # noqa: N801 - used like a function, as contextlib's own
    """Turns descriptor 2 to a private buffer, which ``decode`` watches for libjpeg's warnings.

    Process-wide, re-entrant and thread-safe: the first to enter installs it, the last to leave restores descriptor 2
    and ``sys.stderr``, which meanwhile writes to the real standard error.
    """

    def __enter__(self) -> Self:
        _capture.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _capture.release()


def watched(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[T, str]:
    """Calls a function and tells what it, and nobody else, wrote to descriptor 2.

    Args:
        function: called once, or twice when something was written while it ran; must allow that.
        args: for the function.
        kwargs: for the function.

    Returns:
        Its value, and the text as one line: '' nearly always.
    """
    thread = get_ident()
    capture = _capture
    try:
        capture.running.add(thread)
        if capture.open:
            value = function(*args, **kwargs)
            # The buffer is emptied after every warning: it begins with a zero unless one is still to be judged.
            if not capture.buffer[0]:
                return value, ""
    finally:
        capture.running.discard(thread)
    return _watched_alone(function, *args, **kwargs)


def _watched_alone(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[T, str]:
    """The same while no other thread decodes; outside of ``quiet_stderr`` too."""
    with quiet_stderr(), _capture.alone():
        _capture.rewind()
        try:
            return function(*args, **kwargs), _capture.text()
        finally:
            _capture.rewind()
