"""Stores in a process that was forked: by a helper process that was not.

The libraries run threads, which a fork does not copy: in its child every request would wait for ever. A `DataLoader` of
PyTorch, for one, forks its workers after the dataset was opened. There a fresh interpreter makes the requests.
"""

import os
import pickle
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from imgprep.errors import ResourceError
from imgprep.storage.base import Entry
from imgprep.util.addresses import Address

_CODE: Final = "from imgprep.storage.helper import serve; serve()"


class ForkedStorage:
    """A bucket, reached by a helper process; see `Storage`. The helper ends with this process.

    Args:
        address: of the bucket.
    """

    def __init__(self, address: Address) -> None:
        self._lock: Final = threading.Lock()
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        try:
            self._helper: Final = subprocess.Popen(
                [sys.executable, "-c", _CODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
            )
        except OSError as error:
            raise ResourceError(f"{address}: cannot be read in a forked process: {error.strerror}") from error
        weakref.finalize(self, _end, self._helper)
        self._ask("open", address)

    def list(self, prefix: str) -> Iterator[Entry]:
        """See `Storage.list`."""
        return iter(self._ask("list", prefix))

    def head(self, key: str) -> Entry:
        """See `Storage.head`."""
        return Entry(*self._ask("head", key))

    def get(self, key: str, most: int) -> tuple[bytes, Entry]:
        """See `Storage.get`."""
        content, entry = self._ask("get", key, most)
        return content, entry

    def read(self, key: str, start: int, end: int) -> bytes:
        """See `Storage.read`."""
        return bytes(self._ask("read", key, start, end))

    def put(self, key: str, content: bytes, version: str | None = None) -> str:
        """See `Storage.put`."""
        return str(self._ask("put", key, content, version))

    def upload(self, key: str, path: str) -> str:
        """See `Storage.upload`."""
        return str(self._ask("upload", key, path))

    def delete(self, key: str) -> None:
        """See `Storage.delete`."""
        self._ask("delete", key)

    def _ask(self, *request: Any) -> Any:
        """The answer of the helper, or its error."""
        incoming, outgoing = self._helper.stdout, self._helper.stdin
        assert incoming is not None
        assert outgoing is not None
        try:
            with self._lock:
                pickle.dump(request, outgoing)
                outgoing.flush()
                answer, error = pickle.load(incoming)
        except (OSError, EOFError, pickle.UnpicklingError) as broken:
            raise ResourceError("the helper process of an object store has died; run again") from broken
        if error is not None:
            raise error
        return answer


def _end(helper: "subprocess.Popen[bytes]") -> None:
    """Lets a helper end, which waits for requests."""
    with helper, suppress(OSError):
        if helper.stdin is not None:
            helper.stdin.close()
