"""A store in a forked process, reached by a helper that was not forked."""

import io
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from imgprep.errors import ResourceError
from imgprep.storage import opening
from imgprep.storage.base import Entry, MissingError
from imgprep.storage.forked import ForkedStorage
from imgprep.storage.helper import _answer
from imgprep.util.addresses import Address

pytest.importorskip("obstore")
ADDRESS = Address("memory", "bucket", "")


@pytest.fixture(autouse=True)
def _empty() -> Iterator[None]:
    """An empty store in memory."""
    opening._opened.cache_clear()
    yield
    opening._opened.cache_clear()


def test_the_helper_answers_every_request_or_sends_the_error() -> None:
    requests = [
        ("open", ADDRESS),
        ("put", "a/b", b"0123", None),
        ("list", "a"),
        ("read", "a/b", 1, 3),
        ("head", "x"),
        ("get", "a/b", 2),
        ("delete", "a/b"),
        ("list", ""),
    ]
    answers = io.BytesIO()
    _answer(io.BytesIO(b"".join(map(pickle.dumps, requests))), answers)
    answers.seek(0)
    found: list[Any] = [pickle.load(answers) for _ in requests]
    version = found[1][0]
    assert found[0] == (None, None)
    assert found[2] == ([Entry("a/b", 4, version)], None)
    assert found[3] == (b"12", None)
    assert isinstance(found[4][1], MissingError)
    assert isinstance(found[5][1], ValueError)
    assert found[6:] == [(None, None), ([], None)]


def test_a_process_asks_its_helper_and_says_when_that_has_died(tmp_path: Any) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    storage = ForkedStorage(ADDRESS)
    version = storage.put("a/b", b"0123")
    assert list(storage.list("")) == [Entry("a/b", 4, version)] == [storage.head("a/b")]
    assert storage.get("a/b", 9) == (b"0123", Entry("a/b", 4, version))
    storage.upload("c", str(tmp_path / "file"))
    assert storage.read("c", 1, 3) == b"bc"
    storage.delete("c")
    with pytest.raises(MissingError, match="memory://bucket/c: there is no such object"):
        storage.head("c")
    storage._helper.kill()
    storage._helper.wait()
    with pytest.raises(ResourceError, match="the helper process of an object store has died; run again"):
        storage.head("a/b")
