"""A tape played again."""

from __future__ import annotations

import asyncio
import gzip
import random
import time
import zlib
from pathlib import Path
from typing import Any

import orjson
import pytest

from stream import config
from stream.app import build
from stream.errors import ConfigError, SourceError
from stream.sources.base import PollState, Source
from stream.sources.recording import TapeFile, TapeFull, table_of
from stream.tape import Answer, Head, Read, Redactor, write_head, write_read

HTTP = {
    "kind": "http",
    "channel": "q",
    "url": "https://h.example/q",
    "key": "code",
    "items": "rows",
}
TRAITS = {"window": False, "empty_ok": True, "ignore": ["t"], "tolerance": {"n": 0.5}, "key": "id"}
ROWS = {"kind": "sql", "channel": "r", "traits": TRAITS}


def body(*rows: dict[str, Any], at_s: float = 0.0) -> Read:
    answer = Answer("https://h.example/q", 200, "application/json", orjson.dumps({"rows": rows}))
    return Read(at_s, "q", answers=[answer])


def tape(path: Path, *reads: Read, sources: dict[str, Any] | None = None) -> Path:
    head = Head("2026-11-22T02:11:09Z", "stream 0", {"q": HTTP} if sources is None else sources)
    lines = [write_head(head), *(write_read(read, Redactor()) for read in reads)]
    data = b"".join(lines)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def source(path: Path, **table: Any) -> Source:
    """The source as the service makes it."""
    rows = {"path": str(path), "speed": 0} | table
    lines = [f"{key} = {_toml(value)}" for key, value in rows.items()]
    toml = "\n".join(["[sources.again]", 'kind = "replay"', *lines])
    service, _ = build(config.loads(toml, {}), None)
    (poller,) = service.catalog.pollers()
    return poller.source


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


async def play(source: Source, count: int) -> list[Any]:
    """The items, None where nothing changed, or the kind of the error, of so many polls."""
    played: list[Any] = []
    async with asyncio.timeout(5):
        for n in range(count):
            try:
                keyed = (await source.poll(PollState(polls=n))).keyed
            except SourceError as error:
                played.append(error.kind)
            else:
                played.append(None if keyed is None else dict(keyed.items))
    return played


@pytest.mark.parametrize("name", ["tape.ndjson.gz", "tape.ndjson"])
async def test_answers_are_read_as_the_recorded_settings_say(tmp_path: Path, name: str) -> None:
    failed = SourceError("http_503", "503", status=503, retry_after_s=900.0)
    path = tape(
        tmp_path / name,
        body({"code": "A", "n": 1}),
        Read(0.1, "q", answers=[Answer("https://h.example/q", 304)]),
        Read(0.2, "q", answers=[Answer("https://h.example/q", 503, error=failed)]),
        Read(0.3, "q", answers=[Answer("https://h.example/q", 200, "", b"{oops")]),
        Read(0.3, "other", items={"x": {}}),
        body({"code": "A", "n": 2}, {"code": "B", "n": 1}),
    )
    assert await play(source(path), 6) == [
        {"A": {"code": "A", "n": 1}},
        None,
        "http_503",
        "bad_json",
        {"A": {"code": "A", "n": 2}, "B": {"code": "B", "n": 1}},
        None,
    ]


async def test_at_its_end_a_tape_rests_and_a_looped_one_begins_again(tmp_path: Path) -> None:
    path = tape(tmp_path / "t", body({"code": "A"}), body({"code": "B"}))
    once = source(path)
    await play(once, 3)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await once.poll(PollState())
    again = source(path, loop=True, speed=1000.0)
    assert await play(again, 6) == [
        {"A": {"code": "A"}},
        {"B": {"code": "B"}},
        None,
        {"A": {"code": "A"}},
        {"B": {"code": "B"}},
        None,
    ]


async def test_reads_come_at_their_own_time_or_faster(tmp_path: Path) -> None:
    path = tape(tmp_path / "t", body({"code": "A"}, at_s=50.0), body({"code": "B"}, at_s=52.0))
    started = time.monotonic()
    await play(source(path, speed=10.0), 2)
    elapsed_s = time.monotonic() - started
    assert 0.2 <= elapsed_s < 2.0


async def test_items_are_played_with_their_traits(tmp_path: Path) -> None:
    path = tape(
        tmp_path / "t",
        Read(0.0, "r", items={1: {"id": 1, "n": 1}}, key="id"),
        Read(0.1, "r"),
        Read(0.2, "r", error=SourceError("locked", "database is locked")),
        sources={"q": HTTP, "r": ROWS},
    )
    assert await play(source(path, source="r"), 3) == [{1: {"id": 1, "n": 1}}, None, "locked"]
    toml = f'[sources.again]\nkind = "replay"\npath = "{path}"\nsource = "r"\n'
    service, _ = build(config.loads(toml, {}), None)
    assert service.hub.get("again").key == "id"


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "say which source; it has q, r"),
        ({"source": "qq"}, "it has no source 'qq', did you mean 'q'?"),
    ],
)
def test_a_tape_of_several_sources_wants_one_named(
    tmp_path: Path, table: dict[str, Any], words: str
) -> None:
    path = tape(tmp_path / "t", sources={"q": HTTP, "r": ROWS})
    with pytest.raises(ConfigError) as caught:
        source(path, **table)
    assert str(caught.value) == f"[sources.again] {path}: {words}"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "line 1 is not JSON"),
        (b"hello\n", "line 1 is not JSON"),
        (b"{}\n", "this is no tape"),
        (b'{"tape":99,"sources":{}}\n', "a tape of version 99"),
        (b"\x1f\x8b\x08\x00", "cut off after line 0"),
        (b"\x1f\x8bnonsense, all of it", "damaged after line 0"),
        (gzip.compress(b'{"tape":1,"sources":{}}\n')[:-12], "cut off after line"),
        (b'{"tape":1,"sources":{"q":{"kind":"http"}}}\n', "settings of 'q' are wrong: http.url"),
        (b'{"tape":1,"sources":{"q":{"kind":"htp"}}}\n', "unknown kind, did you mean 'http'?"),
        (b'{"tape":1,"sources":{"q":{"traits":{}}}}\n', "its traits are not those of a source"),
    ],
)
def test_a_tape_that_cannot_be_read_is_one_line_at_the_start(
    tmp_path: Path, data: bytes, words: str
) -> None:
    path = tmp_path / "tape"
    path.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        source(path)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"[sources.again] {path}: ")
    assert "\n" not in str(caught.value)


def test_a_tape_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere: no such file"):
        source(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        source(tmp_path)


async def test_a_tape_that_breaks_off_plays_up_to_there_and_says_so_once(tmp_path: Path) -> None:
    draw = random.Random(1)
    noise = [body({"code": "A", "x": draw.randbytes(3000).hex()}) for _ in range(40)]
    path = tape(tmp_path / "t.gz", *noise)
    path.write_bytes(path.read_bytes()[:-20_000])
    one = source(path)
    played: list[Any] = []
    while not played or isinstance(played[-1], dict):
        played += await play(one, 1)
    assert 5 < len(played) < 40
    assert played[-1] == "bad_tape"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await one.poll(PollState())


async def test_a_broken_line_and_a_source_without_reads_are_said(tmp_path: Path) -> None:
    path = tape(tmp_path / "t", body({"code": "A"}))
    path.write_bytes(path.read_bytes() + b'{"t":1,"source":"q"')
    assert (await play(source(path), 2))[1] == "bad_tape"
    assert await play(source(tape(tmp_path / "u")), 1) == ["bad_tape"]


@pytest.mark.parametrize("name", ["tape.gz", "tape"])
def test_a_tape_file_keeps_its_bound_and_can_be_read_at_any_time(tmp_path: Path, name: str) -> None:
    draw = random.Random(2)
    path = tmp_path / name
    file = TapeFile(path, 4096)
    lines: list[bytes] = []
    with pytest.raises(TapeFull):
        while True:
            line = draw.randbytes(draw.randrange(10, 400)).hex().encode() + b"\n"
            file.write(line)
            lines.append(line)
    assert len(lines) > 3
    before = path.read_bytes()
    file.close()
    data = path.read_bytes()
    assert len(data) <= 4096
    if name == "tape":
        assert data == before == b"".join(lines)
        return
    assert gzip.decompress(data) == b"".join(lines)
    assert zlib.decompressobj(31).decompress(before) == b"".join(lines)


def test_a_tape_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written: No such file or directory"):
        TapeFile(tmp_path / "no" / "tape", 4096)


def test_a_preset_is_recorded_as_a_table_that_needs_no_key(tmp_path: Path) -> None:
    toml = '[sources.n]\nkind = "newsapi"\ncategory = "sports"\nkey_env = "NEWS"\n'
    settings = config.loads(toml, {"NEWS": "hunter22hunter22"}).sources["n"]
    table = table_of(settings, channel="n", values={})
    assert "hunter22" not in orjson.dumps(table).decode()
    assert (table["kind"], "auth" in table) == ("http", False)
    path = tape(tmp_path / "t", sources={"n": table})
    assert source(path) is not None


def test_the_placeholders_of_a_channel_are_filled_on_the_tape(tmp_path: Path) -> None:
    toml = """[sources."top:{list}"]
kind = "http"
url = "https://h.example/{list}"
params = { l = "{list}" }
add = { list = "{list}", name = "{_key}" }
match = { list = "word" }
detail = { url = "https://h.example/{list}/{key}" }
"""
    settings = config.loads(toml, {}).sources["top:{list}"]
    table = table_of(settings, channel="top:new", values={"list": "new"})
    assert table["url"] == "https://h.example/new"
    assert table["params"] == {"l": "new"}
    assert table["add"] == {"list": "new", "name": "{_key}"}
    assert table["detail"]["url"] == "https://h.example/new/{key}"
    assert source(tape(tmp_path / "t", sources={"top:{list}": table})) is not None
