"""The server of a review: what it gives, and to whom it gives nothing."""

import http.client
import json
import socket

import pytest

from tests.review.conftest import picture


def ask(server, path, method="GET", body=None, **headers):
    """Status, headers and body of an answer; the token is the right one unless the path has another."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    path = path if "token=" in path else f"{path}?token={server.token}"
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    reply = connection.getresponse()
    found = reply.status, dict(reply.getheaders()), reply.read()
    connection.close()
    return found


def answered(server, body, **headers):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ask(server, "/answer", "POST", body, **{"Content_Type": "application/json", **headers})[0]


def test_the_page_and_its_images_are_there(served):
    status, headers, page = ask(served, "/")
    assert status == 200
    assert b'<script id="data"' in page
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store")
    assert (headers["Referrer-Policy"], headers["X-Frame-Options"]) == ("no-referrer", "DENY")
    assert not {"Server", "Access-Control-Allow-Origin"} & set(headers)
    assert [ask(served, f"/image/{i}")[2] for i in (0, 8)] == [picture(0), picture(160)]


@pytest.mark.parametrize("path", ["/", "/image/0", "/answer", "/finish", "/review.csv", "/nothing"])
@pytest.mark.parametrize("token", ["", "wrong", "kürbis", "right+1"])
def test_a_wrong_token_gets_nothing(served, path, token):
    token = served.token + "x" if token == "right+1" else token.encode("ascii", "ignore").decode()
    for method in ("GET", "POST"):
        body = b'{"at": 0, "answer": "plum"}' if method == "POST" else None
        status, _, content = ask(served, f"{path}?token={token}", method, body, Content_Type="application/json")
        assert (status, content) == (403, b"")
    assert served.session.answers == [""] * 9
    assert not served.finished.is_set()


@pytest.mark.parametrize("host", ["example.com", "127.0.0.1", "127.0.0.1:1", "localhost.example.com", "", "[::1]"])
@pytest.mark.parametrize("path", ["/", "/image/0", "/answer"])
def test_a_wrong_host_gets_nothing(served, host, path):
    for method in ("GET", "POST"):
        assert ask(served, path, method, Host=host)[::2] == (403, b"")


def test_a_host_that_is_given_twice_or_not_at_all_gets_nothing(served):
    good = f"Host: 127.0.0.1:{served.port}\r\n"
    for hosts in ("", good + good, good + "Host: example.com\r\n"):
        with socket.create_connection(("127.0.0.1", served.port), timeout=20) as raw:
            raw.sendall(f"GET /?token={served.token} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n".encode())
            reply = b"".join(iter(lambda: raw.recv(4096), b""))
        assert reply.startswith(b"HTTP/1.1 403 ")
        assert reply.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://example.com"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_a_page_of_another_origin_gets_nothing(served, headers):
    assert ask(served, "/", **headers)[::2] == (403, b"")
    assert ask(served, "/image/0", **headers)[::2] == (403, b"")
    assert answered(served, {"at": 0, "answer": "plum"}, **headers) == 403
    assert served.session.answers == [""] * 9


def test_the_own_page_may_answer(served, tmp_path):
    own = {"Origin": f"http://127.0.0.1:{served.port}", "Sec_Fetch_Site": "same-origin"}
    assert answered(served, {"at": 4, "answer": "plum"}, **own) == 204
    assert (tmp_path / "review.csv").read_text("utf-8").splitlines()[5] == "pear/4.jpg,pear,plum"


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT"])
def test_other_methods_are_refused(served, method):
    assert ask(served, "/", method)[0] == 405


@pytest.mark.parametrize(
    "path",
    ["/image/9", "/image/-1", "/image/", "/image/0/", "/image/٣", "/image/99999999999", "/image/../review.csv",
     "/image/%30", "//etc/passwd", "/etc/passwd", "/page.js", "/image"],
)  # fmt: skip
def test_nothing_but_the_drawn_images_can_be_asked_for(served, path):
    assert ask(served, path.encode().decode("latin-1") if path.isascii() else "/image/%D9%A3")[::2] == (404, b"")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"[" * 5000, {"at": 9, "answer": "plum"}, {"at": -1, "answer": "plum"},
     {"at": True, "answer": "plum"}, {"at": "0", "answer": "plum"}, {"at": 0, "answer": "kiwi"}, {"at": 0},
     {"at": 0, "answer": ["plum"]}, {"at": 0, "answer": None}, b"\xff\xfe"],
)  # fmt: skip
def test_what_is_no_answer_is_refused(served, body):
    assert answered(served, body) in {400, 411}
    assert served.session.answers == [""] * 9


def test_large_and_other_bodies_are_refused(served):
    assert answered(served, {"at": 0, "answer": "x" * 70000}) == 413
    assert answered(served, {"at": 0, "answer": "plum"}, Content_Type="text/plain") == 415
    assert answered(served, b"", Content_Length="99999999999999") == 413
    assert served.session.answers == [""] * 9


def test_an_answer_that_cannot_be_saved_is_said_and_not_kept(served, tmp_path):
    assert answered(served, {"at": 0, "answer": "plum"}) == 204
    (tmp_path / "review.csv").write_text("somebody else was here\n", "utf-8")
    status, _, said = ask(served, "/answer", "POST", b'{"at": 1, "answer": "plum"}', Content_Type="application/json")
    assert status == 409
    assert b"review.csv: changed by another program" in said
    assert served.session.answers[:2] == ["plum", ""]
    assert (tmp_path / "review.csv").read_text("utf-8") == "somebody else was here\n"


def test_it_listens_to_this_machine_only(served):
    assert served._server.server_address[0] == "127.0.0.1"


def test_the_page_ends_the_server(served):
    assert ask(served, "/finish", "POST")[0] == 204
    assert served.finished.wait(20)
