"""A file in an object store that is read anywhere in it, as one on disk is."""

import time
from functools import lru_cache
from pathlib import Path
from typing import Final

from imgprep.errors import ResourceError, TransientError
from imgprep.storage.base import Entry, MissingError, RangelessError, RefusedError
from imgprep.storage.opening import open_storage
from imgprep.util.addresses import Address

_SECONDS: Final = 30.0
"""For how long an object counts as unchanged: it is asked for with each image."""
_PIECE: Final = 8 << 20


def stored_file(address: Address) -> Entry | None:
    """How a store lists an object, as of half a minute ago at most; None where there is none.

    Raises:
        ResourceError: the store fails.
    """
    return _looked_up(address, int(time.monotonic() / _SECONDS))


@lru_cache(maxsize=64)
def _looked_up(address: Address, moment: int) -> Entry | None:
    del moment
    try:
        return open_storage(address).head(address.key)
    except MissingError:
        return None


class StoredAccess:
    """The bytes of an object, asked for in ranges; see `base.RandomAccess`.

    Args:
        address: of the object.
        size: of it.
    """

    def __init__(self, address: Address, size: int) -> None:
        self._address: Final = address
        self.path: Final[Path] = address.path
        self.size: Final = size

    def read(self, offset: int, size: int) -> bytes:
        """The bytes at an offset, fewer at the end of the object.

        Raises:
            TransientError: the store fails.
            ResourceError: it does not let us in, or gives whole files only.
        """
        end = min(offset + size, self.size)
        pieces = [(start, min(start + _PIECE, end)) for start in range(offset, end, _PIECE)]
        try:
            storage = open_storage(self._address)
            return b"".join(storage.read(self._address.key, *piece) for piece in pieces)
        except (RefusedError, RangelessError):
            raise
        except ResourceError as error:
            raise TransientError(f"cannot be read: {error}") from None
