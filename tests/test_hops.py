"""What one request looks like on the wire, and whom it may be sent to."""

from __future__ import annotations

import pytest

from stream.errors import SourceError
from stream.exchange import Request, Validators
from stream.hops import first_hop, next_hop


@pytest.mark.parametrize(
    ("url", "line", "host", "name", "port"),
    [
        ("http://a.example", b"GET / HTTP/1.1", b"a.example", "a.example", 80),
        ("http://a.example:80/x?y#z", b"GET /x?y HTTP/1.1", b"a.example", "a.example", 80),
        ("https://a.example:80/%2F", b"GET /%2F HTTP/1.1", b"a.example:80", "a.example", 80),
        ("https://[::1]:9/", b"GET / HTTP/1.1", b"[::1]:9", "::1", 9),
        (
            "https://b\u00fccher.example/\u00fc?q=\u00fc ",
            b"GET /%C3%BC?q=%C3%BC%20 HTTP/1.1",
            b"xn--bcher-kva.example",
            "xn--bcher-kva.example",
            443,
        ),
    ],
)
def test_a_url_becomes_a_line_a_host_and_an_address(
    url: str, line: bytes, host: bytes, name: str, port: int
) -> None:
    hop = first_hop(Request(url), "desk")
    lines = hop.head().split(b"\r\n")
    assert lines[:2] == [line, b"host: " + host]
    assert lines[2:] == [b"user-agent: desk", b"accept: */*", b"accept-encoding: gzip", b"", b""]
    assert (hop.target.name, hop.target.port) == (name, port)
    assert hop.target.is_tls is url.startswith("https")


def test_a_host_of_ones_own_is_the_only_one() -> None:
    head = first_hop(Request("http://a.example/", headers={"HOST": "inner.example"}), "x").head()
    assert head.count(b"host: ") == head.count(b"host: inner.example\r\n") == 1


def test_validators_are_shown_as_they_came() -> None:
    shown = Validators(etag='W/"caf\xe9"', last_modified="then")
    head = first_hop(Request("http://a.example/", validators=shown), "x").head()
    assert b'if-none-match: W/"caf\xe9"\r\nif-modified-since: then\r\n' in head


@pytest.mark.parametrize("name", ["Content-Length", "TRANSFER-ENCODING"])
def test_a_get_announces_no_body(name: str) -> None:
    with pytest.raises(SourceError) as caught:
        first_hop(Request("http://a.example/", headers={name: "5"}), "x")
    assert caught.value.kind == "protocol"


@pytest.mark.parametrize(
    ("old", "new", "is_led"),
    [
        ("http://a.example/1", "/2", False),
        ("http://a.example/1", "https://a.example/2", False),
        ("http://a.example/1", "https://b.example/2", True),
        ("http://a.example/1", "https://a.example:8443/2", True),
        ("https://a.example/1", "https://www.a.example/2", True),
    ],
)
def test_who_chose_an_origin_is_known(old: str, new: str, is_led: bool) -> None:
    request = Request(old, secret_headers={"X-Key": "hunter2"})
    hop = next_hop(request, first_hop(request, "x"), new)
    assert hop.is_led is is_led
    is_same = new.startswith("/")
    assert (b"hunter2" in hop.head(), hop.credentials != b"") == (is_same, is_same)
