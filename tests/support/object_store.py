"""A server of the S3 protocol on loopback, by moto, in front of which requests can go wrong."""

import io
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from imgprep.storage import opening

BUCKET: Final = "bucket"
IDENTITY: Final = "test-identity"
SECRET: Final = "test-secret"
Environment = dict[str, Any]
Application = Callable[[Environment, Any], Iterable[bytes]]


@dataclass
class Fault:
    """Requests that go wrong.

    Attributes:
        method: of the requests.
        suffix: that their path has; of a listing ''.
        kind: error, error after (it was done), silence, slow, cut answer, or cut upload.
        times: how many of them.
        seconds: how long silence or a slow answer take.
        seen: how many did.
    """

    method: str
    suffix: str
    kind: str
    times: int = 1
    seconds: float = 0.0
    seen: int = 0


@dataclass
class ObjectStore:
    """The server.

    Attributes:
        endpoint: its address.
        faults: that are still to come.
        requests: method and path of all requests, in order.
    """

    endpoint: str
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    client: Any = None

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=key, Body=content)

    def get(self, key: str) -> bytes:
        content: bytes = self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return content

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=BUCKET, Key=key)

    def names(self, prefix: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return sorted(found["Key"] for page in pages for found in page.get("Contents", []))

    def fill(self, folder: Path, prefix: str) -> None:
        """Copies all files of a folder."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())

    def content(self, prefix: str) -> dict[str, bytes]:
        """Name -> content of all objects below a prefix."""
        return {key.removeprefix(f"{prefix}/"): self.get(key) for key in self.names(f"{prefix}/")}


class _Faulty:
    """An application whose requests go wrong as asked."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._lock = threading.Lock()
        self.store = ObjectStore("")

    def __call__(self, environment: Environment, start: Any) -> Iterable[bytes]:
        method, path = environment["REQUEST_METHOD"], environment["PATH_INFO"].encode("latin-1").decode()
        with self._lock:
            self.store.requests.append((method, path))
            fault = next((each for each in self.store.faults if self._meant(each, method, path)), None)
            if fault is not None:
                fault.seen += 1
        if fault is None:
            return self._application(environment, start)
        if fault.kind == "error":
            start("500 Internal Server Error", [("Content-Length", "0")])
            return [b""]
        if fault.kind == "silence":
            time.sleep(fault.seconds)
        if fault.kind == "cut upload":
            content = environment["wsgi.input"].read(int(environment["CONTENT_LENGTH"]))[:-7]
            environment |= {"wsgi.input": io.BytesIO(content), "CONTENT_LENGTH": str(len(content))}
        return self._answer(fault, environment, start)

    def _answer(self, fault: Fault, environment: Environment, start: Any) -> Iterable[bytes]:
        answer = self._application(environment, (lambda *_: None) if fault.kind == "error after" else start)
        if fault.kind == "error after":
            b"".join(answer)
            start("500 Internal Server Error", [("Content-Length", "0")])
            return [b""]
        if fault.kind == "cut answer":
            return [b"".join(answer)[:-5]]
        return _slowly(b"".join(answer), fault.seconds) if fault.kind == "slow" else answer

    @staticmethod
    def _meant(fault: Fault, method: str, path: str) -> bool:
        named = path.rstrip("/") == f"/{BUCKET}" if not fault.suffix else path.endswith(fault.suffix)
        return fault.method == method and named and fault.seen < fault.times


def _slowly(content: bytes, seconds: float) -> Iterator[bytes]:
    for part in (content[: len(content) // 2], content[len(content) // 2 :]):
        time.sleep(seconds)
        yield part


@contextmanager
def serving() -> Iterator[ObjectStore]:
    """Runs the server in threads of this process."""
    import boto3
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    for name in ("werkzeug", "botocore", "boto3"):
        logging.getLogger(name).setLevel(logging.ERROR)
    application = _Faulty(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    store = application.store
    store.endpoint = f"http://127.0.0.1:{server.server_port}"
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    store.client = boto3.client("s3", endpoint_url=store.endpoint, **keys)
    store.client.create_bucket(Bucket=BUCKET)
    try:
        yield store
    finally:
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """The server, and the environment of its user, for all tests of a module; each uses a prefix of its own."""
    pytest.importorskip("obstore")
    pytest.importorskip("moto")
    with serving() as store, pytest.MonkeyPatch.context() as patch:
        environment = {
            "AWS_ENDPOINT_URL": store.endpoint,
            "AWS_ACCESS_KEY_ID": IDENTITY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "IMGPREP_CACHE": str(tmp_path_factory.mktemp("cache")),
            "IMGPREP_STORE_TIMEOUT": "60",
        }
        for name, value in environment.items():
            patch.setenv(name, value)
        opening._opened.cache_clear()
        yield store
    opening._opened.cache_clear()
