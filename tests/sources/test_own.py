"""Sources of one's own: the example of the page, by entry point and given to `create_app`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stream import config
from stream.app import build, create_app
from stream.errors import ConfigError
from stream.service import Service
from stream.source_settings import OwnSettings
from stream.sources.base import Poll, PollState, Source
from tests.waiting import until

PAGE = Path(__file__).parent.parent.parent / "docs" / "sources-of-your-own.md"
MORE = """

class Closing:
    closed = 0

    async def poll(self, state: PollState) -> Poll:
        raise RuntimeError("a mistake in it")

    async def aclose(self) -> None:
        Closing.closed += 1


def choosy(*, size: int) -> Disks:
    from stream.errors import ConfigError

    raise ConfigError(f"size {size} is too small")


def broken() -> None:
    raise OSError("two\\nlines")


def nothing() -> None:
    pass
"""
POINTS = """[stream.sources]
disks = own_disks:Disks
closing = own_disks:Closing
choosy = own_disks:choosy
broken = own_disks:broken
nothing = own_disks:nothing
gone = own_disks:Nowhere
away = no_such_module:X
http = own_disks:broken
"""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A distribution on disk that registers kinds, made of the example on the page."""
    example = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    (tmp_path / "own_disks.py").write_text(example + MORE)
    info = tmp_path / "own_disks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-disks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("own_disks", None)


def table(kind: str, **keys: Any) -> str:
    rows = "\n".join(f"{key} = {value!r}" for key, value in keys.items())
    return f'[sources.space]\nkind = "{kind}"\n{rows}\n'


def service(toml: str) -> Service:
    return build(config.loads(toml, {}), None)[0]


async def test_the_example_of_the_page_is_a_kind(tmp_path: Path) -> None:
    running = service(table("disks", every="100ms", channel="room", paths=[str(tmp_path)]))
    settings: object = running.settings.sources["space"]
    assert isinstance(settings, OwnSettings)
    assert (settings.every, settings.channel) == (0.1, "room")
    channel = running.hub.get("room")
    async with running.catalog.running():
        await until(lambda: len(channel.state) == 1, what="the first read")
    ((key, item),) = channel.state.items()
    assert key == str(tmp_path)
    assert isinstance(item["free"], int)


async def test_a_fault_of_the_example_is_its_status(tmp_path: Path) -> None:
    running = service(table("disks", paths=[str(tmp_path / "nowhere")]))
    (poller,) = running.catalog.pollers()
    async with running.catalog.running():
        await until(lambda: poller.status.error, what="the fault")
    assert poller.status.error is not None
    assert poller.status.error.kind == "disk"
    assert poller.status.error.message.endswith("nowhere: No such file or directory")


async def test_an_exception_in_it_fails_the_read_and_at_the_end_it_is_closed() -> None:
    running = service(table("closing"))
    (poller,) = running.catalog.pollers()
    async with running.catalog.running():
        await until(lambda: poller.status.error, what="the fault")
    assert poller.status.error is not None
    assert poller.status.error.kind == "internal"
    assert sys.modules["own_disks"].Closing.closed == 1


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        (table("disks", path=["/"]), "[sources.space] kind 'disks' cannot be made: TypeError: "),
        (table("choosy", size=3), "[sources.space] kind 'choosy': size 3 is too small"),
        (table("broken"), r"[sources.space] kind 'broken' cannot be made: OSError: two\nlines"),
        (table("nothing"), "[sources.space] kind 'nothing' has no poll: expected"),
        (table("gone"), "[sources.space] kind 'gone' cannot be made: AttributeError"),
        (table("away"), "[sources.space] kind 'away' cannot be made: ModuleNotFoundError"),
    ],
)
def test_what_cannot_be_made_is_one_line(toml: str, words: str) -> None:
    settings = config.loads(toml, {})
    with pytest.raises(ConfigError) as caught:
        create_app(settings)
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        (table("disk"), "unknown kind, did you mean 'disks'?"),
        (table("disks", every="1ms"), '[sources.space] every = "1ms": expected at least "100ms"'),
        (table("http"), "url: this key is required"),
        ('[sources."a:{b}"]\nkind = "disks"\n', "only the kinds feed, http, sql and sse"),
    ],
)
def test_its_table_is_checked_like_any_other(toml: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.loads(toml, {})
    assert words in str(caught.value)


async def test_a_source_can_be_given_to_the_app() -> None:
    class Own:
        async def poll(self, state: PollState) -> Poll:
            return Poll.of([{"id": 1, "n": state.polls}])

    sources: dict[str, tuple[Source, float]] = {"own": (Own(), 0.1)}
    app = create_app(config.loads("", {}), sources=sources)
    channel = app.state.service.hub.get("own")
    async with app.router.lifespan_context(app):
        await until(lambda: dict(channel.state.items()).get(1, {}).get("n"), what="a second read")
