from __future__ import annotations

import gzip
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import SourceError
from stream.exchange import Kept, Request, Shelf, Validators, hash_of, unpack
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


def test_a_body_is_known_by_url_type_and_bytes_but_by_no_secret() -> None:
    url = ASKED.url
    bodies = [
        Kept(ASKED.asked("json"), b"[1]"),
        Kept(ASKED.asked("json"), b"[2]"),
        Kept(ASKED.asked("html"), b"[1]"),
        Kept(Request(url, params={"s": "A"}).asked("json"), b"[1]"),
        Kept(Request(url + "/2").asked("json"), b"[1]"),
    ]
    for one, other in combinations(bodies, 2):
        assert not one.is_same(other)
        assert one.digest != other.digest
    assert Request(url, secret_params={"token": "x"}).asked("json") == ASKED.asked("json")


@pytest.mark.parametrize("folded", [(), (0,), (1,), (0, 1)])
def test_bodies_compare_alike_with_and_without_their_bytes(folded: tuple[int, ...]) -> None:
    pair = [Kept(b"a", b"[1]"), Kept(b"a", b"[1]")]
    other = Kept(b"a", b"[2]")
    for n in folded:
        pair[n].fold()
        other.fold()
    assert pair[0].is_same(pair[1])
    assert not other.is_same(pair[0])
    assert not other.is_same(None)


def test_the_shelf_folds_what_was_unused_for_longest() -> None:
    shelf = Shelf(10)
    first, second, third = (Kept(b"a", bytes([n]) * 4) for n in range(3))
    shelf.swap(None, first)
    shelf.swap(None, second)
    shelf.swap(first, first)
    shelf.swap(None, third)
    assert (first.data is None, second.data is None, third.data is None) == (False, True, False)
    large = Kept(b"a", b"x" * 11)
    shelf.swap(third, large)
    assert first.data is None
    assert large.data is None
    assert large.is_same(Kept(b"a", b"x" * 11))


@pytest.mark.parametrize("coding", ["", "gzip"])
@given(bodies=st.lists(st.binary(min_size=1, max_size=9), max_size=8), room=st.integers(0, 40))
def test_a_body_is_unchanged_exactly_where_it_is_the_same_bytes(
    coding: str, bodies: list[bytes], room: int
) -> None:
    shelf, validators, before = Shelf(room), Validators(), b""
    for body in bodies:
        wire = gzip.compress(body) if coding else body
        found, validators = unpack(shown(validators), "json", packed(wire, coding), shelf)
        assert found == (None if body == before else body)
        before = body


def test_a_digest_is_of_all_parts_in_a_row() -> None:
    assert hash_of(b"ab", b"c") == hash_of(b"abc") != hash_of(b"ab")


def test_a_new_body_is_given_with_the_digests_to_know_it_by() -> None:
    body, seen = unpack(ASKED, "json", packed(gzip.compress(b"[1]")))
    assert body == b"[1]"
    assert seen.body is not None
    assert seen.body.is_same(Kept(ASKED.asked("json"), b"[1]"))
    assert seen.wire is not None
    assert not seen.wire.is_same(seen.body)


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
    assert now.body is not None
    assert now.body.is_same(seen.body)
    assert now.wire is not None
    assert not now.wire.is_same(seen.wire)


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
