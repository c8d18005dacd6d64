"""Hashes of the strings of a column are those of hashlib, with the native code and without."""

import hashlib
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.table import text_hashes as module
from imgprep.table.columns import StringColumn
from imgprep.table.text_hashes import agrees, text_hashes
from imgprep.util.native import SWITCH, native_module

KEY = (-3).to_bytes(8, "little", signed=True)


def expected(texts: list[str]) -> list[int]:
    digests = (hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8, key=KEY) for text in texts)
    return [int.from_bytes(each.digest(), "little") for each in digests]


@pytest.fixture(params=["native", "hashlib"])
def _code(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, native_chosen_anew: None) -> None:
    if request.param == "native" and not hasattr(native_module(), "hash_texts"):
        pytest.skip("needs a C compiler")
    monkeypatch.setenv(SWITCH, "1" if request.param == "native" else "0")


@pytest.mark.usefixtures("_code")
def test_every_length_is_hashed_as_by_hashlib() -> None:
    texts = ["é" * (length // 2) + "x" * (length % 2) for length in range(300)] + ["\udcff.jpg", ""]
    column = StringColumn.of(texts)
    assert text_hashes(column, KEY).tolist() == expected(texts)
    assert text_hashes(column[100:140], KEY).tolist() == expected(texts[100:140])
    assert text_hashes(column[:0], KEY).tolist() == []


@pytest.mark.usefixtures("_code")
def test_blocks_of_several_threads_come_to_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", 7)
    texts = [f"class/{number}.jpg" for number in range(100)]
    assert text_hashes(StringColumn.of(texts), KEY).tolist() == expected(texts)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.binary(max_size=400), max_size=5), st.binary(min_size=1, max_size=64))
def test_any_key_and_text(texts: list[bytes], key: bytes) -> None:
    native: Any = native_module()
    if not hasattr(native, "hash_texts"):
        pytest.skip("needs a C compiler")
    found = np.empty(len(texts), np.uint64)
    native.hash_texts(b"".join(texts), np.cumsum([0, *map(len, texts)], dtype=np.int64), key, found)
    digests = [hashlib.blake2b(text, digest_size=8, key=key).digest() for text in texts]
    assert found.tolist() == [int.from_bytes(digest, "little") for digest in digests]


@pytest.mark.parametrize("ends", [[0, 2, 1], [0, 1, 9], [-1, 0, 1], [0, 1]])
def test_texts_outside_the_buffer_are_refused(ends: list[int]) -> None:
    native: Any = native_module()
    if not hasattr(native, "hash_texts"):
        pytest.skip("needs a C compiler")
    with pytest.raises(ValueError, match="do not fit"):
        native.hash_texts(b"abc", np.array(ends, np.int64), KEY, np.empty(2, np.uint64))


@pytest.mark.parametrize("size", [0, 65])
def test_keys_of_other_sizes_are_refused(size: int) -> None:
    native: Any = native_module()
    if not hasattr(native, "hash_texts"):
        pytest.skip("needs a C compiler")
    with pytest.raises(ValueError, match="do not fit"):
        native.hash_texts(b"abc", np.array([0, 1, 2], np.int64), bytes(size), np.empty(2, np.uint64))


def test_native_code_that_is_of_an_earlier_build_or_wrong_steps_aside() -> None:
    wrong: Any = SimpleNamespace(hash_texts=lambda _texts, _ends, _key, target: target.fill(1))
    earlier: Any = SimpleNamespace()
    assert not agrees(wrong)
    assert not agrees(earlier)
