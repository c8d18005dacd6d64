"""Random numbers that depend only on the seed and a key, never on the order of draws."""

import hashlib
import struct
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

_WORDS: Final = struct.Struct("<8Q")
_UNIT: Final = 2.0**-53


def rng(seed: int, key: str, copy: int = 0) -> np.random.Generator:
    """Makes the generator for one sample's copy: a counter-based Philox keyed by all three.

    Args:
        seed: the seed of the spec.
        key: the id of the sample, or the name of the purpose (``split``, ``shuffle``).
        copy: the number of the copy; 0 is the original.

    >>> rng(1, "a.jpg", 2).integers(1000) == rng(1, "a.jpg", 2).integers(1000)
    np.True_
    """
    return np.random.Generator(np.random.Philox(key=_digest(seed, key, copy)))


def uniforms(seed: int, key: str, copy: int = 0) -> Callable[[], float]:
    """Makes the source of single numbers of [0, 1) for one sample's copy: a hash in counter mode.

    Eight numbers cost one BLAKE2b, about a microsecond; a `numpy.random.Generator` alone costs twenty to make, which
    for small images is more than the augmentation itself. The numbers depend on no library's generator.

    Args:
        seed: the seed of the spec.
        key: the id of the sample, or the name of the purpose.
        copy: the number of the copy; 0 is the original.

    Returns:
        A function that gives the next number, of 53 random bits, each time it is called.

    >>> first, again, other = uniforms(1, "a.jpg", 2), uniforms(1, "a.jpg", 2), uniforms(1, "a.jpg", 3)
    >>> value = first()
    >>> value == again(), value == other(), 0 <= value < 1
    (True, False, True)
    """
    return _uniforms(_text(seed, key, copy)).__next__


def _uniforms(text: bytes) -> Iterator[float]:
    start = hashlib.blake2b(text, digest_size=_WORDS.size)
    block = 0
    while True:
        state = start.copy()
        state.update(b"\0%d" % block)
        for word in _WORDS.unpack(state.digest()):
            yield (word >> 11) * _UNIT
        block += 1


def _digest(seed: int, key: str, copy: int) -> int:
    return int.from_bytes(hashlib.blake2b(_text(seed, key, copy), digest_size=16).digest(), "little")


def _text(seed: int, key: str, copy: int) -> bytes:
    return f"{seed}\0{copy}\0{key}".encode("utf-8", "surrogateescape")
