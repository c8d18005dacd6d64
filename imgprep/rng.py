"""Randomness that depends on what is drawn for, never on who draws or when."""

import hashlib

import numpy as np


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


def _digest(seed: int, key: str, copy: int) -> int:
    text = f"{seed}\0{copy}\0{key}".encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "little")
