"""What was fetched is kept once, under a limit, and never with another content than it should have."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imgprep.errors import RequestError, ResourceError, SourceError
from imgprep.storage import opening
from imgprep.storage.cache import CachedObject, cached_file, size_limit
from imgprep.storage.opening import open_storage
from imgprep.util.addresses import Address

pytest.importorskip("obstore")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and an empty store in memory."""
    monkeypatch.setenv("IMGPREP_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("IMGPREP_CACHE_SIZE", raising=False)
    opening._opened.cache_clear()
    return tmp_path / "cache"


def _object(name: str, content: bytes, limit: int | None = None) -> CachedObject:
    address = Address("memory", "bucket", name)
    open_storage(address).put(name, content)
    return CachedObject(address, hashlib.sha256(content).hexdigest(), limit)


def _forget(name: str) -> None:
    open_storage(Address("memory", "bucket", "")).delete(name)


def test_an_object_is_fetched_once() -> None:
    made = _object("a/shard.h5", b"content")
    assert made.path.name.endswith("-shard.h5")
    assert not made.path.exists()
    made.fetch()
    _forget("a/shard.h5")
    made.fetch()
    assert made.path.read_bytes() == b"content"


def test_another_content_is_never_kept() -> None:
    made = _object("shard.h5", b"content")
    open_storage(made.address).put("shard.h5", b"another")
    with pytest.raises(ResourceError, match=r"memory://bucket/shard\.h5: is damaged"):
        made.fetch()
    assert not made.path.exists()


def test_what_was_used_longest_ago_goes_first() -> None:
    one, two, three = (_object(f"{name}.h5", name.encode() * 100, limit=800) for name in ("one", "two", "three"))
    one.fetch()
    two.fetch()
    os.utime(two.path, (1, 1))
    one.fetch()  # was used again
    three.fetch()
    assert [each.path.exists() for each in (one, two, three)] == [True, False, True]
    two.fetch()  # and is fetched again when it is needed
    assert two.path.read_bytes() == b"two" * 100


def test_one_file_may_be_larger_than_the_limit() -> None:
    small, large = _object("small.h5", b"s"), _object("large.h5", b"large" * 100, limit=10)
    small.fetch()
    large.fetch()
    assert [each.path.exists() for each in (small, large)] == [False, True]


def test_several_ask_at_once_and_one_fetches(monkeypatch: pytest.MonkeyPatch) -> None:
    made = _object("shard.h5", b"content" * 1000)
    reads = []
    storage = open_storage(made.address)
    read = type(storage).read

    def counted(self: object, *given: object) -> bytes:
        reads.append(given)
        return read(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(type(storage), "read", counted)
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(made.fetch) for _ in range(8)]:
            done.result()
    assert len(reads) == 1
    assert made.path.read_bytes() == b"content" * 1000


def test_what_another_process_removes_before_it_is_opened_is_fetched_again() -> None:
    made, tries = _object("shard.h5", b"content"), []

    def open_(path: str) -> bytes:
        tries.append(path)
        if len(tries) < 3:
            Path(path).unlink()
        try:
            return Path(path).read_bytes()
        except FileNotFoundError:
            raise SourceError(path) from None

    assert made.opened(open_) == b"content"
    assert len(tries) == 3

    def refuse(path: str) -> bytes:
        tries.append(path)
        raise SourceError("damaged")

    with pytest.raises(SourceError, match="damaged"):
        made.opened(refuse)
    assert len(tries) == 4


def test_shards_are_read_under_a_limit_that_holds_one_of_them() -> None:
    made = [_object(f"{number}.h5", bytes([number]) * 1000, limit=1000) for number in range(4)]
    rounds = [made[number % 4] for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda each: each.opened(_first_byte), rounds))
    assert found == [number % 4 for number in range(40)]


def _first_byte(path: str) -> int:
    try:
        return Path(path).read_bytes()[0]
    except FileNotFoundError:
        raise SourceError(path) from None


def test_inputs_of_a_run_of_today_are_not_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGPREP_CACHE_SIZE", "10")
    address = Address("memory", "bucket", "images.npz")
    open_storage(address).put(address.key, b"images" * 10)
    path, _ = cached_file(address)
    _object("shard.h5", b"content" * 10).fetch()
    assert path.exists()
    os.utime(path, (1, 1))
    _object("other.h5", b"another" * 10).fetch()
    assert not path.exists()


def test_a_file_is_fetched_again_when_it_has_changed(folder: Path) -> None:
    address = Address("memory", "bucket", "tables/labels.csv")
    versions = []
    for content in (b"one", b"two", b"two"):
        if content not in versions:
            open_storage(address).put(address.key, content)
            versions.append(content)
        path, entry = cached_file(address)
        assert path.read_bytes() == content
        assert entry.size == len(content)
        assert path.parts[-4:] == ("memory", "bucket", "tables", "labels.csv")
    assert len(list(folder.rglob("labels.csv"))) == 2


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert size_limit() == 20 << 30
    assert size_limit("50 GiB") == 50 << 30
    assert size_limit(7) == 7
    monkeypatch.setenv("IMGPREP_CACHE_SIZE", "1 MB")
    assert size_limit() == 10**6
    monkeypatch.setenv("IMGPREP_CACHE_SIZE", "much")
    with pytest.raises(RequestError, match="IMGPREP_CACHE_SIZE: expected a size such as 20 GiB, not 'much'"):
        size_limit()
    with pytest.raises(RequestError, match="cache_size: expected a size"):
        size_limit("some")
