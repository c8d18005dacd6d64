"""Each store does what the interface says: S3 from a server on loopback, memory, and file systems of fsspec."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imgprep.errors import ResourceError
from imgprep.storage import opening
from imgprep.storage.base import NEW, ConflictError, MissingError, RefusedError, Storage, UnconditionalError
from imgprep.storage.opening import is_there, open_storage
from imgprep.storage.transfer import BLOCK, download, upload
from imgprep.util.addresses import Address, address_of
from tests.support.object_store import BUCKET, Fault, ObjectStore

pytestmark = pytest.mark.slow
CONDITIONAL = ("s3", "memory")


@pytest.fixture(scope="module", autouse=True)
def _toy() -> Iterator[None]:
    """A scheme that only fsspec knows."""
    fsspec = pytest.importorskip("fsspec")
    from fsspec.implementations.memory import MemoryFileSystem

    fsspec.register_implementation("toystore", type("Toy", (MemoryFileSystem,), {"protocol": "toystore", "store": {}}))
    yield
    opening._opened.cache_clear()


@pytest.fixture(params=["s3", "memory", "toystore"])
def address(request: pytest.FixtureRequest) -> Address:
    """An empty folder in each kind of store."""
    if request.param == "s3":
        request.getfixturevalue("store")
    else:
        pytest.importorskip("obstore")
    return Address(request.param, BUCKET, f"unit-{request.node.name.partition('[')[0]}")


@pytest.fixture
def storage(address: Address) -> Storage:
    return open_storage(address)


def test_objects_are_written_listed_and_read(address: Address, storage: Storage) -> None:
    names = ["a.bin", "folder/b ü#?%.bin", "folder/deep/c.bin"]
    versions = {name: storage.put(f"{address.key}/{name}", name.encode()) for name in names}
    storage.put(f"{address.key}-beside/d.bin", b"not in the folder")
    found = {entry.key.removeprefix(f"{address.key}/"): entry for entry in storage.list(address.key)}
    assert sorted(found) == names
    for name, entry in found.items():
        content = name.encode()
        assert entry.size == len(content)
        assert entry.version == versions[name]
        assert storage.get(entry.key, 100) == (content, entry)
        assert storage.head(entry.key) == entry
        assert storage.read(entry.key, 2, 5) == content[2:5]
        assert storage.read(entry.key, 3, 3) == b""
        with pytest.raises(ValueError, match=f"{len(content)} bytes, over the limit of 4 bytes"):
            storage.get(entry.key, 4)
    key = f"{address.key}/a.bin"
    assert storage.put(key, b"another") != versions["a.bin"]
    storage.delete(key)
    storage.delete(key)
    assert not is_there(address._replace(key=key))


def test_what_is_not_there(address: Address, storage: Storage) -> None:
    for request in (storage.head, lambda key: storage.get(key, 10), lambda key: storage.read(key, 0, 3)):
        with pytest.raises(MissingError, match=f"{address.scheme}://{BUCKET}/nothing/here: there is no such object"):
            request("nothing/here")
    assert list(storage.list("nothing/here")) == []


def test_writes_under_a_condition(address: Address, storage: Storage) -> None:
    key = f"{address.key}/lock"
    if address.scheme not in CONDITIONAL:
        with pytest.raises(UnconditionalError, match="toystore cannot write under a condition"):
            storage.put(key, b"one", NEW)
        return
    first = storage.put(key, b"one", NEW)
    with pytest.raises(ConflictError, match="somebody else has written it"):
        storage.put(key, b"two", NEW)
    second = storage.put(key, b"two", first)
    with pytest.raises(ConflictError):
        storage.put(key, b"three", first)
    assert storage.get(key, 10)[0] == b"two"
    assert storage.head(key).version == second


@pytest.mark.parametrize("size", [0, 5, BLOCK + 3])
def test_files_go_there_and_back(address: Address, storage: Storage, tmp_path: Path, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    there, back = tmp_path / "there.bin", tmp_path / "new" / "back.bin"
    there.write_bytes(content)
    target = address._replace(key=f"{address.key}/{size}.bin")
    version, sha256 = upload(storage, target, there)
    assert storage.head(target.key).version == version
    assert download(storage, target, back, sha256) == (version, sha256)
    assert back.read_bytes() == content
    with pytest.raises(ResourceError, match="is damaged: its SHA-256"):
        download(storage, target, back, "0" * 64)
    assert back.read_bytes() == content
    assert [path.name for path in back.parent.iterdir()] == ["back.bin"]


@pytest.fixture
def _no_faults(store: ObjectStore) -> Iterator[None]:
    """No fault outlives its test, and no client the environment of its test."""
    yield
    store.faults.clear()
    opening._opened.cache_clear()


@pytest.mark.usefixtures("_no_faults")
class TestS3:
    def test_a_large_upload_that_is_cut_is_sent_again(self, store: ObjectStore, tmp_path: Path) -> None:
        path = tmp_path / "large.bin"
        path.write_bytes(bytes(range(256)) * ((BLOCK + 1024) // 256))
        store.faults[:] = [Fault("PUT", "large.bin", "cut upload", 1)]
        address = address_of(f"s3://{BUCKET}/large.bin")
        assert address is not None
        upload(open_storage(address), address, path)
        assert store.faults[0].seen == 1
        assert store.get("large.bin") == path.read_bytes()

    def test_an_etag_that_is_no_hash_means_reading_again(
        self, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        address = address_of(f"s3://{BUCKET}/opaque.bin")
        assert address is not None
        storage = open_storage(address)
        sent = storage.upload
        monkeypatch.setattr(storage, "upload", lambda *given: sent(*given) and "encrypted by a key of the store")
        path = tmp_path / "opaque.bin"
        path.write_bytes(b"content")
        store.requests.clear()
        upload(storage, address, path)
        assert [method for method, name in store.requests if name.endswith("opaque.bin")] == ["PUT", "HEAD", "GET"]

    def test_keys_that_are_no_paths_are_refused(self, store: ObjectStore) -> None:
        store.put("odd//name.png", b"x")
        with pytest.raises(RefusedError, match=r"s3://bucket/odd: .*odd//name\.png.*give such objects other keys"):
            list(open_storage(Address("s3", BUCKET, "odd")).list("odd"))

    def test_many_objects_come_page_by_page(self, store: ObjectStore) -> None:
        from moto.s3.models import s3_backends

        for number in range(1001):  # one more than fits on a page
            s3_backends["123456789012"]["aws"].put_object(BUCKET, f"many/{number}", b"")
        store.requests.clear()
        assert len(list(open_storage(Address("s3", BUCKET, "many")).list("many"))) == 1001
        assert len([None for method, path in store.requests if (method, path) == ("GET", f"/{BUCKET}")]) == 2

    def test_who_is_not_let_in(self, store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(store, "faults", [])
        storage: Any = open_storage(Address("s3", BUCKET, ""))

        def refused(_: str) -> None:
            raise storage._failed("Server returned non-2xx status code: 403 Forbidden: <Code>AccessDenied</Code>")

        monkeypatch.setattr(storage, "_store", type("Store", (), {"head": staticmethod(refused)})())
        with pytest.raises(RefusedError, match=r"does not let us in \(403 Forbidden AccessDenied\).*AWS_ACCESS_KEY_ID"):
            storage.head("x")


@pytest.mark.usefixtures("_no_faults")
def test_a_server_that_is_not_there(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("IMGPREP_STORE_TIMEOUT", "1")
    opening._opened.cache_clear()
    with pytest.raises(ResourceError) as failed:
        open_storage(Address("s3", BUCKET, "")).head("x")
    assert str(failed.value) == (
        "s3://bucket/x: the store fails: error sending request; check the connection, then rerun the same command"
    )


@pytest.mark.parametrize("name", ["s3://no-such-bucket/x", "s3://no-such-bucket"])
def test_a_bucket_that_is_not_there(store: ObjectStore, name: str) -> None:
    address = address_of(name)
    assert address is not None
    with pytest.raises(MissingError, match=r"s3://no-such-bucket.*: there is no such bucket"):
        list(open_storage(address).list(address.key))


@pytest.mark.parametrize(
    ("where", "text", "words"),
    [
        (
            "az://box/x",
            "Generic MicrosoftAzure error: Account must be specified",
            "such as AZURE_STORAGE_ACCOUNT_NAME,",
        ),
        ("gs://b/x", "HTTP error: status code: 403 Forbidden: no", "such as GOOGLE_APPLICATION_CREDENTIALS, and"),
        ("s3://b/x", "HTTP error: status code: 403 Forbidden: no", "such as AWS_ACCESS_KEY_ID, and their rights"),
        ("http://h/x", "HTTP error: status code: 401 Unauthorized: no", "check the credentials and their rights"),
        ("az://box/x", "status code: 404 Not Found: <Code>ContainerNotFound</Code>", "there is no such bucket"),
        ("gs://b/x", "HTTP error: connection closed\n\nDebug source: key", "the store fails: connection closed; check"),
    ],
)
def test_errors_say_what_to_do_in_each_store(where: str, text: str, words: str) -> None:
    from imgprep.storage.objects import _translated

    error = str(_translated(Exception(text), where))
    assert error.startswith(f"{where}: ")
    assert words in error
    assert "\n" not in error
