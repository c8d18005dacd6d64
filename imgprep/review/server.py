"""The server of a review: this machine only, and only for the browser that was given the token.

It is `http.server` of the standard library. What the modules of a framework would be for (routes, forms, sessions,
templates, streams, files) is not used here; what makes it safe is below, and would have to be written either way:

- It listens on 127.0.0.1 at a port that the system chooses.
- A request without the token (256 random bits, compared in constant time) gets an empty answer, whatever it asks for.
- So does one whose Host is another name, as a rebound name of the DNS has, or that a page of another origin sent.
- There are three addresses: the page, an image by its number, an answer. No path of a file is ever made of a request.
- A body is JSON of at most 64 KiB; a slow one is given up after some seconds.
- Nothing is to be cached, framed, sniffed or sent on, and scripts are those of the page by their digest.
"""

import hmac
import json
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from imgprep.errors import ImgprepError
from imgprep.review.page import content_policy, render
from imgprep.review.session import Session

ADDRESS: Final = "127.0.0.1"
MAX_BODY: Final = 1 << 16
MAX_DIGITS: Final = 9
TIMEOUT: Final = 30
HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class ReviewServer:
    """Serves one review until it is finished or closed.

    Args:
        session: the review.

    Raises:
        OSError: no port can be opened on this machine.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.token = secrets.token_urlsafe(32)
        self.finished = Event()
        self._server = _Server((ADDRESS, 0), _Handler)
        self._server.review = self
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The address of the page, with the token."""
        return f"http://{ADDRESS}:{self.port}/?token={self.token}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait(self) -> None:
        """Returns when the reviewer says that it is finished."""
        while not self.finished.wait(0.5):
            pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    review: ReviewServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT
    server: _Server

    def do_GET(self) -> None:
        """The page, or an image."""
        if not self._allowed():
            self._reply(HTTPStatus.FORBIDDEN)
            return
        session, path = self.server.review.session, urlsplit(self.path).path
        if path == "/":
            page = render(session.data(), token=self.server.review.token)
            self._reply(HTTPStatus.OK, page.encode(), "text/html; charset=utf-8", content_policy(page))
            return
        number = path.removeprefix("/image/")
        known = path.startswith("/image/") and number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS
        if known and int(number) < len(session.images):
            self._reply(HTTPStatus.OK, session.images[int(number)].picture, "image/jpeg")
        else:
            self._reply(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """An answer, or the end."""
        if not self._allowed():
            self._reply(HTTPStatus.FORBIDDEN)
            return
        path = urlsplit(self.path).path
        if path == "/finish":
            self._reply(HTTPStatus.NO_CONTENT)
            self.server.review.finished.set()
        elif path != "/answer":
            self._reply(HTTPStatus.NOT_FOUND)
        elif self.headers.get_content_type() != "application/json":
            self._reply(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        elif not 0 < (length := self._length()) <= MAX_BODY:
            self._reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE if length else HTTPStatus.LENGTH_REQUIRED)
        else:
            self._take(self.rfile.read(length))

    def _take(self, body: bytes) -> None:
        session = self.server.review.session
        try:
            given = json.loads(body)
            session.answer(given["at"], given["answer"])
        except (ValueError, KeyError, TypeError, RecursionError):
            self._reply(HTTPStatus.BAD_REQUEST)
        except ImgprepError as error:
            self._reply(HTTPStatus.CONFLICT, str(error).encode("utf-8", "replace"), "text/plain; charset=utf-8")
        else:
            self._reply(HTTPStatus.NO_CONTENT)

    def _length(self) -> int:
        text = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not (text.isascii() and text.isdigit()):
            return 0
        return int(text) if len(text) <= MAX_DIGITS else MAX_BODY + 1

    def _allowed(self) -> bool:
        """Tests whether a request comes from the page, or from the holder of its address."""
        review = self.server.review
        hosts = {f"{ADDRESS}:{review.port}", f"localhost:{review.port}"}
        given = self.headers.get_all("Host", [])
        if len(given) != 1 or given[0] not in hosts:
            return False
        if self.headers.get("Origin", f"http://{given[0]}") != f"http://{given[0]}":
            return False
        if self.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
            return False
        try:
            token = parse_qs(urlsplit(self.path).query, max_num_fields=4).get("token", [""])[0]
        except ValueError:
            return False
        return hmac.compare_digest(token.encode("utf-8", "replace"), review.token.encode())

    def _reply(self, status: HTTPStatus, body: bytes = b"", kind: str = "", policy: str = "default-src 'none'") -> None:
        """Answers; after a refusal the connection is closed, for its body was not read."""
        self.send_response_only(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Security-Policy", policy)
        if kind:
            self.send_header("Content-Type", kind)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        if status >= HTTPStatus.BAD_REQUEST:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuses what is no request, or has another method, without repeating a word of it."""
        self.close_connection = True
        self._reply(HTTPStatus.METHOD_NOT_ALLOWED if code == HTTPStatus.NOT_IMPLEMENTED else HTTPStatus(code))

    def log_message(self, format: str, *args: object) -> None:
        """Only the command line prints."""
