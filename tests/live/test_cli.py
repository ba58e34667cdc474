from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from stream import __version__
from tests.live.commands import begun, ran
from tests.upstream import Upstream

LIMIT_S = 20.0


async def stream(*words: str, cwd: Path, **environ: str) -> tuple[int, str, str]:
    """Run ``stream …`` to its end: exit code, output, errors."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stream", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200", **environ},
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[server]\nprot = 1\n", ["prot", "did you mean 'port'?"]),
        ('[server]\nport = "x"\n', ["port", "expected a whole number"]),
        ('[sources.a]\nkind = "htp"\n', ["sources", "a", "did you mean 'http'?"]),
        ("[server\n", ["line 1"]),
    ],
)
async def test_a_mistake_in_the_configuration_is_one_line_and_exit_code_2(
    text: str, words: list[str], tmp_path: Path
) -> None:
    (tmp_path / "stream.toml").write_text(text)
    code, out, err = await stream("serve", cwd=tmp_path)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1, err
    assert "stream.toml" in err
    for word in words:
        assert word in err


async def test_a_missing_file_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    code, _, err = await stream("serve", "--config", "nowhere.toml", cwd=tmp_path)
    assert code == 2
    assert err == "stream: nowhere.toml: no such file\n"


async def test_who_named_no_file_is_told_how(tmp_path: Path) -> None:
    code, _, err = await stream("serve", cwd=tmp_path)
    assert code == 2
    assert err.startswith("stream: stream.toml: no such file; name another with --config")
    assert err.count("\n") == 1


async def test_a_port_in_use_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "stream.toml").write_text('[sources.a]\nkind = "push"\n')
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = await stream("serve", "--port", str(port), cwd=tmp_path)
    assert (code, out) == (1, "")
    assert err == f"stream: port {port} on 127.0.0.1 is in use; choose another with --port\n"


async def test_check_tells_what_was_found_and_its_exit_code_says_how_it_went(
    tmp_path: Path,
) -> None:
    async with Upstream() as upstream:
        upstream.set("/good", [{"code": "A", "price": 1}])
        upstream.set("/bad", b"", status=500)
        good = f'[sources.good]\nkind = "http"\nkey = "code"\nurl = "{upstream.url("/good")}"\n'
        bad = f'[sources.bad]\nkind = "http"\nurl = "{upstream.url("/bad")}"\n'
        (tmp_path / "good.toml").write_text(good)
        (tmp_path / "both.toml").write_text(good + bad)
        well, ill = await asyncio.gather(
            stream("check", "--config", "good.toml", cwd=tmp_path),
            stream("check", "--config", "both.toml", cwd=tmp_path),
        )
    assert well[0] == 0, well
    assert '{"code":"A","price":1}' in well[1]
    assert ill[0] == 1, ill
    assert "http_500" in ill[1]
    assert '{"code":"A","price":1}' in ill[1]


async def test_help_and_version_are_answered(tmp_path: Path) -> None:
    helped, version, unknown = await asyncio.gather(
        stream("--help", cwd=tmp_path),
        stream("--version", cwd=tmp_path),
        stream("sevre", cwd=tmp_path),
    )
    assert helped[0] == 0
    for command in ("serve", "demo", "check", "tail", "channels", "get", "publish"):
        assert f"\n  {command} " in helped[1]
    assert version[:2] == (0, f"stream, version {__version__}\n")
    assert unknown[0] == 2


async def test_who_only_follows_a_service_does_not_load_one() -> None:
    text = """
import sys
import stream.cli, stream.cli.board, stream.cli.follow, stream.cli.rest
print(*{"starlette", "uvicorn", "httpx", "pydantic", "jmespath", "feedparser"} & sys.modules.keys())
"""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", text), stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert (process.returncode, out) == (0, b"\n")


async def test_after_ctrl_c_a_service_ends_without_a_word() -> None:
    async with begun("demo", "--port", "0") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while b"Ctrl-C ends it" not in await process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        said = (await process.stderr.read()).decode()
        assert await process.wait() == 0
        assert [line for line in said.splitlines() if " INFO " not in line] == []


async def test_channels_joined_by_commas_are_shown_as_they_are_written_here() -> None:
    found = await ran("tail", "news,quotes", "users")
    assert found.code == 2
    assert "separated by blanks here: news quotes users" in found.err
