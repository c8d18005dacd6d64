"""Keyed hashes of the strings of a column: BLAKE2b, by the fastest code that gives it."""

import functools
import hashlib
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgprep.table.columns import StringColumn, blocks
from imgprep.util.native import native_that
from imgprep.util.resources import available_cores

BYTES: Final = 8
_BLOCK: Final = 1 << 18
"""Strings per task of a thread, about 0.05 s of work."""
_CHECKED: Final = (0, 1, 7, 127, 128, 129, 255, 256, 257)
"""Lengths of the texts that the native code is checked on: ends of a block of BLAKE2b, and around them."""


def text_hashes(texts: StringColumn, key: bytes) -> NDArray[np.uint64]:
    """(N,) the BLAKE2b hash of each string, 8 bytes long, as a number whose lowest byte comes first.

    Args:
        texts: hashed in UTF-8.
        key: of the hash, 1 to 64 bytes.
    """
    kernel = _kernel()
    if kernel is None:
        blake = hashlib.blake2b
        joined = bytearray()
        for text in texts.encoded():
            joined += blake(text, digest_size=BYTES, key=key).digest()
        return np.frombuffer(joined, "<u8").astype(np.uint64, copy=False)
    found = np.empty(len(texts), np.uint64)

    def hash_rows(rows: slice) -> None:
        part = texts[rows]
        kernel.hash_texts(part.joint(), part.ends(), key, found[rows])

    if len(texts) <= _BLOCK:
        hash_rows(slice(0, len(texts)))
        return found
    with ThreadPoolExecutor(available_cores(), "imgprep-hash") as pool:
        for _ in pool.map(hash_rows, blocks(len(texts), _BLOCK)):
            pass
    return found


@functools.cache
def _kernel() -> ModuleType | None:
    """The native code, if it is installed, wanted, and agrees with hashlib."""
    return native_that(agrees)


def agrees(kernel: ModuleType) -> bool:
    """True if the native code gives the hashes of hashlib."""
    if not hasattr(kernel, "hash_texts"):  # an earlier build
        return False
    key = bytes(range(BYTES))
    texts = [bytes(number * 181 % 251 for number in range(length)) for length in _CHECKED]
    found = np.empty(len(texts), np.uint64)
    kernel.hash_texts(b"".join(texts), np.cumsum([0, *_CHECKED], dtype=np.int64), key, found)
    expected = [hashlib.blake2b(text, digest_size=BYTES, key=key).digest() for text in texts]
    return found.tolist() == [int.from_bytes(digest, "little") for digest in expected]
