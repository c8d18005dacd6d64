"""A server with every bad answer there is: each costs its row, says why, and keeps nobody waiting."""

import gzip
import re
import struct
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest

Answer = Callable[[BaseHTTPRequestHandler], None]

RETRIES = 1
MAX_BYTES = 300_000
OVER = threading.Event()
"""The tests are done: whoever still drips may stop."""


def encoded(extension: str) -> bytes:
    pixels = np.random.default_rng(7).integers(0, 256, (16, 16, 3), np.uint8)
    return cv2.imencode(extension, pixels)[1].tobytes()


PNG, JPEG = encoded(".png"), encoded(".jpg")
HTML = b"<!DOCTYPE html><title>Not here</title>"


def sends(*parts: bytes) -> Answer:
    """Exactly these bytes, and then the end of the connection."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        for part in parts:
            handler.wfile.write(part)

    return answer


def without_end(head: bytes, part: bytes, pause: float = 0) -> Answer:
    """The same again and again, until nobody reads it."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(head)
        while not OVER.wait(pause):
            handler.wfile.write(part)

    return answer


def head(*headers: str, status: str = "200 OK") -> bytes:
    return "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", *headers, "")).encode("latin-1")


def whole(body: bytes, *headers: str, status: str = "200 OK") -> Answer:
    return sends(head(*headers, f"Content-Length: {len(body)}", status=status), body)


def bomb(size: int) -> bytes:
    """So many MiB of zeros as a gzip file, whose blocks are all the same."""
    packer, checksum = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS), 0
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(size):
        checksum = zlib.crc32(bytes(1 << 20), checksum)
    return gzip.compress(b"")[:10] + block * size + packer.flush() + struct.pack("<II", checksum, size << 20)


def redirect(target: str, status: str = "302 Found") -> Answer:
    return whole(b"", f"Location: {target}", status=status)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def silent(_: BaseHTTPRequestHandler) -> None:
    OVER.wait(60)


class Bad(NamedTuple):
    """An answer, and what the reason says of it."""

    reason: str
    answer: Answer


CHUNKED = "Transfer-Encoding: chunked"
PACKED = "Content-Encoding: gzip"
LATE = r"took longer than it may"
LOST = r"the connection failed: "
BROKEN = r"the server's answer is broken: "
HEADERS = BROKEN + "its headers, .* are huge"
LARGE = rf"more than the {MAX_BYTES} "
PAGE = r"the server's answer is not an image .*looks like HTML"
SCHEME = r"only http and https addresses are fetched, not "

BAD = {
    "drip of headers": Bad(LATE, without_end(head()[:-2], b"X-Drip: 1\r\n", 0.05)),
    "drip of body": Bad(LATE, without_end(head("Content-Length: 90000"), b"x", 0.05)),
    "drip without length": Bad(LATE, without_end(head() + PNG, b"x", 0.05)),
    "never answers": Bad(LATE, silent),
    "endless 100 continue": Bad(LATE, without_end(b"", head(status="100 Continue"), 0.01)),
    "endless body": Bad(LARGE, without_end(head() + PNG, bytes(65_536))),
    "endless body, declared": Bad(LARGE, without_end(head(f"Content-Length: {10**15}") + PNG, bytes(65_536))),
    "endless chunks": Bad(LARGE, without_end(head(CHUNKED), chunk(bytes(65_536)))),
    "endless chunk extension": Bad(HEADERS, without_end(head(CHUNKED) + b"5;", b"x" * 65_536)),
    "endless trailer": Bad(HEADERS, without_end(head(CHUNKED) + chunk(PNG) + b"0\r\n", b"X: y\r\n" * 9_000)),
    "length of a hundred digits": Bad(BROKEN, sends(head("Content-Length: " + "9" * 100))),
    "two lengths": Bad(BROKEN, sends(head("Content-Length: 5", "Content-Length: 6"), b"12345")),
    "gzip bomb": Bad(LARGE, whole(bomb(100), PACKED)),
    "gzip cut": Bad(r"damaged gzip: it is cut short", whole(gzip.compress(PNG)[:-6], PACKED)),
    "gzip damaged": Bad(r"damaged gzip: ", whole(gzip.compress(PNG)[:-8] + bytes(8), PACKED)),
    "gzip, two members": Bad(r"damaged gzip: .*first member", whole(gzip.compress(PNG) + gzip.compress(PNG), PACKED)),
    "gzip in name only": Bad(r"damaged gzip: ", whole(PNG, PACKED)),
    "deflate": Bad(r"deflate, which was not asked for", whole(zlib.compress(PNG), "Content-Encoding: deflate")),
    "brotli": Bad(r"br, which was not asked for", whole(PNG, "Content-Encoding: br")),
    "gzip twice": Bad(r"gzip, gzip, which was not", whole(gzip.compress(gzip.compress(PNG)), PACKED, PACKED)),
    "short body": Bad(BROKEN + r".*received \d+ bytes, expected 90000", sends(head("Content-Length: 90000"), PNG)),
    "chunked body cut": Bad(BROKEN, sends(head(CHUNKED), chunk(PNG))),
    "chunk with a bad length": Bad(BROKEN, sends(head(CHUNKED), b"xyz\r\n" + PNG)),
    "page": Bad(r"text/html; charset=utf-8 instead of an image", whole(HTML, "Content-Type: text/html; charset=utf-8")),
    "page as JPEG": Bad(PAGE, whole(HTML, "Content-Type: image/jpeg")),
    "page with byte order mark": Bad(PAGE, whole(b"\xef\xbb\xbf" + HTML, "Content-Type: image/png")),
    "page after blanks": Bad(PAGE, whole(b" \r\n\t\n" + HTML)),
    "page after a comment": Bad(PAGE, whole(b"<!-- cached -->" + HTML)),
    "page in UTF-16": Bad(r"looks like text in UTF-16", whole(HTML.decode().encode("utf-16"))),
    "JSON": Bad(r"application/json instead of an image", whole(b'{"error": 1}', "Content-Type: application/json")),
    "nothing": Bad(r"the server sent nothing", whole(b"")),
    "204": Bad(r"the server answered 204", sends(head(status="204 No Content"))),
    "206": Bad(r"the server answered 206", whole(PNG, "Content-Range: bytes 0-9/900", status="206 Partial Content")),
    "304": Bad(r"the server answered 304", sends(head(status="304 Not Modified"))),
    "404": Bad(r"the server answered 404", whole(HTML, status="404 Not Found")),
    "429": Bad(r"the server answered 429", whole(b"", status="429 Too Many Requests")),
    "429 for a day": Bad(r"the server answered 429", whole(b"", "Retry-After: 99999", status="429 Slow Down")),
    "500": Bad(r"the server answered 500", whole(PNG, status="500 Oh")),
    "101": Bad(BROKEN, sends(head("Upgrade: x", "Connection: upgrade", status="101 Switch"))),
    "redirect loop": Bad(r"redirected more than 5 times", redirect("?")),
    "redirect without location": Bad(r"the server answered 302", whole(b"", status="302 Found")),
    "redirect to nowhere": Bad(r"cannot be read", redirect("http://[")),
    "redirect to file:": Bad(SCHEME + "file:", redirect("file:///etc/passwd")),
    "redirect to ftp:": Bad(SCHEME + "ftp:", redirect("ftp://127.0.0.1/1.png")),
    "redirect to data:": Bad(SCHEME + "data:", redirect("data:image/png;base64,AA")),
    "redirect to a closed port": Bad(LOST, redirect("http://127.0.0.1:1/1.png")),
    "huge header": Bad(HEADERS, sends(head("X: " + "y" * 500_000), PNG)),
    "very many headers": Bad(HEADERS, sends(head(*(f"X-{number}: y" for number in range(50_000))), PNG)),
    "NUL in a header": Bad(BROKEN, sends(head("X: a\0b"), PNG)),
    "carriage return in a header": Bad(BROKEN, sends(head("X: a\rb: c"), PNG)),
    "header without name": Bad(BROKEN, sends(head(": a"), PNG)),
    "closes at once": Bad(BROKEN + "Server disconnected", sends()),
    "no HTTP": Bad(BROKEN, sends(b"SSH-2.0-OpenSSH_9.9\r\n")),
    "an image alone": Bad(BROKEN, sends(PNG)),
    "cut PNG": Bad(r"PNG is cut", whole(PNG[: len(PNG) // 2])),
    "cut JPEG": Bad(r"JPEG is cut", whole(JPEG[: len(JPEG) // 2], "Content-Type: image/jpeg")),
    "cut without length": Bad(r"damaged JPEG", sends(head(), JPEG[:-30])),
}

GOOD = {
    "plain": whole(PNG, "Content-Type: image/png"),
    "chunked": sends(head(CHUNKED), chunk(PNG[:40]), chunk(PNG[40:]), chunk(b"")),
    "gzip": whole(gzip.compress(PNG), PACKED),
    "without length": sends(head(), JPEG),
    "after a redirect": redirect("plain"),
    "after a far redirect": redirect("/plain?again", "308 Permanent Redirect"),
    "after a hint": sends(head(status="103 Early Hints"), head(f"Content-Length: {len(PNG)}"), PNG),
    "of no known type": whole(JPEG, "Content-Type: application/octet-stream"),
    "caf\u00e9 &c": whole(PNG),
}

SLOW = {name for name, bad in BAD.items() if bad.reason == LATE}
"""What takes all the time that there is."""

REFUSED = {
    "ftp://127.0.0.1/1.png": "only http",
    "data:image/png;base64,AA": "only http",
    "http://[/1.png": "cannot be read",
}
"""Locations that no server is asked for."""


@dataclass
class Fetched:
    """What came of the run.

    Attributes:
        case: its folder.
        server: of all the answers.
        done: how the process ended.
        records: the lines of samples.jsonl by name.
        asked: how often the server was asked for what.
    """

    case: Any
    server: Any
    done: Any
    records: dict[str, dict[str, Any]]
    asked: Counter[str]


def path_of(name: str) -> str:
    return "/" + "".join(c if c.isalnum() and c.isascii() else "".join(f"%{b:02X}" for b in c.encode()) for c in name)


def write(case: Any, locations: Iterable[str], timeout: float, **sections: Any) -> None:
    """A table of locations, and the spec for it."""
    rows = "".join(f'"{location}",{"ash" if number % 2 else "oak"}\n' for number, location in enumerate(locations))
    (case.source / "table.csv").write_text(f"location,label\n{rows}", encoding="utf-8")
    remote = {"cache": "cache", "allow_private": True, "timeout": timeout, "retries": RETRIES, "max_bytes": MAX_BYTES}
    case.write(source={"layout": "csv", "path": "source/table.csv", "remote": remote}, **sections)


@pytest.fixture(scope="module", autouse=True)
def _over() -> Iterator[None]:
    yield
    OVER.set()


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory, new_case: Any) -> Iterator[Fetched]:
    """All answers as the rows of one table, converted by worker processes."""
    from tests.support.web import serving

    case = new_case(tmp_path_factory.mktemp("network"))
    case.source.mkdir(exist_ok=True)
    with serving() as server:
        server.answers = {path_of(name): bad.answer for name, bad in BAD.items()}
        server.answers |= {path_of(name): answer for name, answer in GOOD.items()} | {"/plain?again": GOOD["plain"]}
        locations = [*(server.url + path_of(name) for name in (*BAD, *GOOD)), *REFUSED]
        convert = {"size": [8, 8], "shard_size": "192 B"}  # an image each: none waits for another
        execution = {"engine": "processes", "workers": len(SLOW), "item_timeout": 60}
        write(case, locations, timeout=3, convert=convert, execution=execution)
        done = case.run("convert", case.spec, "-q")
        records = dict(zip((*BAD, *GOOD, *REFUSED), case.samples().values(), strict=True))
        yield Fetched(case, server, done, records, Counter(server.requests))


def test_the_run_ends_and_accounts_for_every_row(fetched: Fetched) -> None:
    assert fetched.done.returncode == 3, fetched.done.stderr
    assert fetched.done.stderr == ""
    assert [record["status"] for record in fetched.records.values()].count("ok") == len(GOOD)
    assert fetched.case.run("verify", fetched.case.output / "convert", "-q").returncode == 0


@pytest.mark.parametrize("name", BAD)
def test_a_bad_answer_costs_its_row_and_says_why(fetched: Fetched, name: str) -> None:
    record = fetched.records[name]
    assert record["status"] == "quarantined"
    assert re.search(BAD[name].reason, record["reason"]), record["reason"]
    assert len(record["reason"]) < 300


@pytest.mark.parametrize("name", GOOD)
def test_a_good_answer_is_taken(fetched: Fetched, name: str) -> None:
    assert fetched.records[name]["status"] == "ok", fetched.records[name]["reason"]


@pytest.mark.parametrize("location", REFUSED)
def test_what_is_no_address_costs_its_row(fetched: Fetched, location: str) -> None:
    assert fetched.records[location]["status"] == "quarantined"
    assert REFUSED[location] in fetched.records[location]["reason"]


def test_a_server_is_asked_again_only_where_that_may_help_and_as_often_as_is_allowed(fetched: Fetched) -> None:
    for name in BAD:
        helps = "cannot be fetched" in fetched.records[name]["reason"] and "429 for" not in name and name not in SLOW
        assert name == "redirect loop" or 1 <= fetched.asked[path_of(name)] <= 1 + RETRIES * helps


def test_when_the_server_is_mended_the_same_command_fetches_what_is_missing(fetched: Fetched) -> None:
    case, server = fetched.case, fetched.server
    server.answers = {path_of(name): GOOD["plain"] for name in BAD}
    done = case.run("convert", case.spec, "-q")
    assert done.returncode == 3, done.stderr
    status = [record["status"] for record in case.samples().values()]
    assert status == ["ok"] * (len(BAD) + len(GOOD)) + ["quarantined"] * len(REFUSED)


@pytest.mark.parametrize("command", [["audit"], ["preview", "-o", "sheet.png"], ["convert", "--dry-run"]])
def test_other_commands_pass_over_bad_answers_too(case: Any, imgprep: Any, server: Any, command: list[str]) -> None:
    names = ["drip of body", "404", "page as JPEG", "cut JPEG", "gzip cut", "endless chunks", "closes at once"]
    server.answers = {path_of(name): BAD[name].answer for name in names} | {"/plain": GOOD["plain"]}
    write(
        case, [server.url + path_of(name) for name in (*names, "plain")], timeout=1, convert={}
    )  # the images tell their size
    done = imgprep(*command, case.spec)
    assert done.returncode in {0, 1}, done.stderr
    assert "/plain" in server.requests
