from __future__ import annotations

import gzip

import pytest

from stream.errors import SourceError
from stream.exchange import Request, Validators, hash_of, unpack
from stream.inflate import Inflater

ASKED = Request("https://a.example/q")


def packed(wire: bytes, coding: str = "gzip") -> Inflater:
    inflater = Inflater(coding, 1000)
    inflater.feed(wire)
    return inflater


def shown(validators: Validators) -> Request:
    return Request(ASKED.url, validators=validators)


@pytest.mark.parametrize(
    ("url", "joined"),
    [
        ("http://a/q", "http://a/q?s=A,B"),
        ("http://a/q?", "http://a/q?s=A,B"),
        ("http://a/q?x", "http://a/q?x&s=A,B"),
        ("http://a/q?x=%2c&", "http://a/q?x=%2c&s=A,B"),
        ("http://a/q#here", "http://a/q?s=A,B#here"),
    ],
)
def test_params_are_appended_to_the_query_as_it_stands(url: str, joined: str) -> None:
    assert Request(url, params={"s": "A,B"}).public_url == joined


def test_a_url_without_params_is_left_alone() -> None:
    assert Request("http://a/q?[x]=1 2#f").full_url == "http://a/q?[x]=1 2#f"


def test_secret_params_come_last_and_are_not_in_the_public_url() -> None:
    request = Request("http://a/q", params={"s": "A"}, secret_params={"token": "a&b=c"})
    assert request.full_url == "http://a/q?s=A&token=a%26b%3Dc"
    assert request.public_url == "http://a/q?s=A"


def test_a_request_does_not_show_its_secrets() -> None:
    request = Request("http://a/", secret_params={"t": "hush1"}, secret_headers={"t": "hush2"})
    assert "hush" not in repr(request)


def test_a_digest_depends_on_url_type_and_body_but_on_no_secret() -> None:
    url = ASKED.url
    digests = [
        ASKED.digest("json", b"[1]"),
        ASKED.digest("json", b"[2]"),
        ASKED.digest("html", b"[1]"),
        Request(url, params={"s": "A"}).digest("json", b"[1]"),
        Request(url + "/2").digest("json", b"[1]"),
    ]
    assert len(set(digests)) == len(digests)
    assert Request(url, secret_params={"token": "x"}).digest("json", b"[1]") == digests[0]


def test_a_digest_is_of_all_parts_in_a_row() -> None:
    assert hash_of(b"ab", b"c") == hash_of(b"abc") != hash_of(b"ab")


def test_a_new_body_is_given_with_the_digests_to_know_it_by() -> None:
    body, seen = unpack(ASKED, "json", packed(gzip.compress(b"[1]")))
    assert body == b"[1]"
    assert seen.digest == ASKED.digest("json", b"[1]")
    assert seen.wire_digest not in (None, seen.digest)


def test_the_same_packed_bytes_are_not_unpacked_again() -> None:
    wire = gzip.compress(b"[1]", mtime=1)
    _, seen = unpack(ASKED, "json", packed(wire))
    again = packed(gzip.compress(b"[1]", mtime=2))
    assert unpack(shown(seen), "json", again) == (None, seen)
    assert again._parts == []


def test_other_packed_bytes_of_the_same_body_are_unchanged_too() -> None:
    _, seen = unpack(ASKED, "json", packed(gzip.compress(b"[1]", 9)))
    body, now = unpack(shown(seen), "json", packed(gzip.compress(b"[1]", 0)))
    assert body is None
    assert now.digest == seen.digest
    assert now.wire_digest != seen.wire_digest


def test_a_body_is_the_same_packed_or_not() -> None:
    _, seen = unpack(ASKED, "json", packed(gzip.compress(b"[1]")))
    assert unpack(shown(seen), "json", packed(b"[1]", ""))[0] is None


@pytest.mark.parametrize(
    ("wire", "coding"), [(b"", ""), (b"", "gzip"), (gzip.compress(b""), "gzip")]
)
def test_an_empty_body_is_never_unchanged(wire: bytes, coding: str) -> None:
    body, seen = unpack(ASKED, "json", packed(wire, coding))
    assert body == unpack(shown(seen), "json", packed(wire, coding))[0] == b""


def test_a_broken_body_is_an_error_even_if_it_comes_twice() -> None:
    for _ in range(2):
        with pytest.raises(SourceError):
            unpack(ASKED, "json", packed(b"not gzip"))
