import hashlib
import itertools
import struct

import numpy as np
import pytest

from imgprep.util.rng import rng, uniforms


def test_numbers_are_those_of_the_definition() -> None:
    draw = uniforms(5, "a/b.jpg", 2)
    for block in range(2):
        digest = hashlib.blake2b(f"5\0002\0a/b.jpg\0{block}".encode(), digest_size=64).digest()
        assert [draw() for _ in range(8)] == [(word >> 11) * 2**-53 for word in struct.unpack("<8Q", digest)]


def test_each_argument_counts() -> None:
    arguments = itertools.product((0, 1, -1), ("a", "b", "\udcff"), (0, 1))
    assert len({uniforms(*each)() for each in arguments}) == 18


def test_numbers_are_uniform() -> None:
    draw = uniforms(0, "x")
    counts = np.histogram([draw() for _ in range(20_000)], bins=20, range=(0, 1))[0]
    assert counts.sum() == 20_000
    assert ((counts - 1000) ** 2 / 1000).sum() < 50  # chi square of 19 degrees of freedom: p is about 0.0001


def test_generator_depends_on_its_arguments_alone() -> None:
    first = rng(1, "a", 2).random(3)
    np.random.default_rng(0).random()
    assert first == pytest.approx(rng(1, "a", 2).random(3), abs=0)
    assert not np.array_equal(first, rng(1, "a", 3).random(3))
