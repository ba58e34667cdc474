"""XML that grows, reads files, nests, or takes long (CWE-776, CWE-611, CWE-674, CWE-1333)."""

from __future__ import annotations

from typing import Final

import pytest

from tests.hostile.upstream import GOOD_FEED, Trap, answer
from tests.hostile.upstream_runs import Outcome, check, observe, strain

CAP: Final = 5 * 2**20
RSS: Final = b'<rss version="2.0"><channel><item><guid>1</guid><title>'
END: Final = b"</title></item></channel></rss>"


def feed(body: bytes, charset: str = "") -> bytes:
    return answer(body, f"Content-Type: application/rss+xml{charset}")


def declaring(*entities: str, use: str = "&a;") -> bytes:
    """A feed with a DOCTYPE."""
    return f"<!DOCTYPE rss [{''.join(entities)}]>".encode() + RSS + use.encode() + END


LAUGHS: Final = declaring(
    '<!ENTITY l0 "lol">',
    *(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)),
    use="&l9;",
)
UTF7_DOCTYPE: Final = (
    b'<?xml version="1.0" encoding="utf-7"?>+ADwAIQ-DOCTYPE rss [+ADwAIQ-ENTITY a "b"+AD4-]+AD4-'
)

ENTITIES: Final = {
    "billion-laughs": LAUGHS,
    "quadratic": declaring(f'<!ENTITY a "{"a" * 50_000}">', use="&a;" * 50_000),
    "external-file": declaring('<!ENTITY a SYSTEM "file:///etc/passwd">'),
    "external-url": declaring('<!ENTITY a SYSTEM "http://127.0.0.1:9/">'),
    "parameter": declaring('<!ENTITY % a SYSTEM "http://127.0.0.1:9/x.dtd"> %a;', use=""),
    "attributes": declaring('<!ATTLIST item x CDATA "y">', use=""),
    "lower-case": declaring('<!ENTITY a "b">').replace(b"DOCTYPE", b"doctype"),
    "after-comment": b"<!-- x -->" + declaring('<!ENTITY a "b">'),
    "in-utf-16": declaring('<!ENTITY a "b">').decode().encode("utf-16"),
    "in-utf-16-without-mark": declaring('<!ENTITY a "b">').decode().encode("utf-16-be"),
    "in-utf-32": declaring('<!ENTITY a "b">').decode().encode("utf-32"),
}

SHAPES: Final = {
    "in-utf-7": Trap(feed(UTF7_DOCTYPE + RSS + b"&a;" + END), "wrong_shape", feed=True),
    "charset-utf-7": Trap(
        feed(UTF7_DOCTYPE[38:] + RSS + END, "; charset=utf-7"), "wrong_shape", feed=True
    ),
    "not-a-feed": Trap(feed(b"<svg/>"), "wrong_shape", feed=True),
    "unclosed-attribute": Trap(feed(b'<rss a="' + b"x" * 4_000_000), "bad_feed", feed=True),
    "unclosed-comment": Trap(feed(b"<rss><!--" + b"x" * 400_000), "bad_feed", feed=True),
    "unclosed-cdata": Trap(feed(b"<rss>" + b"<![CDATA[" * 40_000), "bad_feed", feed=True),
    "unclosed-doctype": Trap(feed(b"<!DOCTYPE " + b"'x'" * 100_000), "doctype", feed=True),
    "nested-200000": Trap(feed(RSS + b"<a>" * 200_000), "too_deep", feed=True),
    "nested-101": Trap(
        feed(RSS + b"<a>" * 97 + b"</a>" * 97 + END), "too_deep", feed=True
    ),
    "many-attributes": Trap(
        feed(b"<rss " + b" ".join(b'a%d=""' % n for n in range(20_000)) + b"/>"),
        "bad_feed", feed=True,
    ),
    "many-namespaces": Trap(
        feed(b"<rss " + b" ".join(b'xmlns:a%d="u"' % n for n in range(9_000)) + b"/>"),
        "bad_feed", feed=True,
    ),
    "long-reference": Trap(feed(RSS + b"&#" + b"9" * 100_000 + b";" + END), feed=True, changes=1),
}  # fmt: skip

TRAPS: Final = {name: Trap(feed(body), "doctype", feed=True) for name, body in ENTITIES.items()}
ALL: Final = TRAPS | SHAPES


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    return observe(ALL)


@pytest.mark.parametrize("name", ALL)
def test_xml_that_does_harm_publishes_nothing(outcomes: dict[str, Outcome], name: str) -> None:
    check(ALL[name], outcomes[name])


def test_the_good_feed_is_one_that_is_read() -> None:
    assert observe({"good": Trap(feed(GOOD_FEED), feed=True)})["good"].kind == ""


async def test_hostile_xml_does_not_hold_the_loop() -> None:
    picked = ("billion-laughs", "unclosed-attribute", "nested-200000")
    small = Trap(feed(b"<rss>" + b"<a/>" * 12_000 + b"</rss>"), "", feed=True)
    traps = {name: ALL[name] for name in picked} | {"small": small}
    for name, found in (await strain(traps, timeout_s=8.0, parse=True)).items():
        assert found.kind in traps[name].kinds.split() or name == "small", name
        assert found.gap_s < 0.7, (name, found)
