"""The files of the console, the client and the widgets: what a strict page policy asks of them,
and the tests of their pure parts, which Node runs. The pages are driven in tests/live."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests import vectors

ROOT = Path(__file__).parent.parent
STATIC = ROOT / "static"
SCRIPTS = sorted(STATIC.rglob("*.js"))
NODE_TIMEOUT_S = 50
KIB = 1024
LATER = ("./events.js", "./share.js", "./notices.js")
"""What the client loads only when it is needed."""
SIZES = [
    # entry, what is not counted, most bytes minified, most of them compressed
    ("stream.js", LATER, 8 * KIB, 4 * KIB),
    ("stream.js", ("./share.js", "./notices.js"), 10 * KIB, 4.5 * KIB),
    ("stream.js", (), 16 * KIB, 6.5 * KIB),
]
WIDGETS = [
    # entry, most bytes minified, most of them compressed; the client is not counted
    ("widgets.js", 47 * KIB, 18.75 * KIB),
    ("widgets/status.js", 24 * KIB, 10 * KIB),
    ("widgets/ticker.js", 24 * KIB, 10 * KIB),
    ("widgets/news.js", 24 * KIB, 10 * KIB),
    ("widgets/chart.js", 24 * KIB, 10 * KIB),
    ("widgets/table.js", 24 * KIB, 10.25 * KIB),
    ("widgets/watchlist.js", 25.75 * KIB, 11 * KIB),
]


def name_of(path: Path) -> str:
    """A script as it is called below static/."""
    return str(path.relative_to(STATIC))


def tool(name: str) -> str:
    """The path of a command; where it is missing the test is skipped, but not in CI."""
    path = shutil.which(name)
    if path is None:
        reason = f"{name} is not installed: static/*.js was not tested with it"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def node() -> str:
    """The path of Node."""
    return tool("node")


class _Page(HTMLParser):
    """Collects what a page loads and what a page policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.inline: list[str] = []
        self.ids: list[str] = []
        self.refers: list[str] = []
        self._within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag
        for name, value in attrs:
            if name == "style" or name.startswith("on"):
                self.inline.append(f"<{tag} {name}>")
            if (tag, name) in {("script", "src"), ("link", "href")}:
                self.loads.append(value or "")
            if name == "id":
                self.ids.append(value or "")
            if name in {"aria-labelledby", "aria-controls", "for"}:
                self.refers.append(value or "")

    def handle_data(self, data: str) -> None:
        if self._within in {"script", "style"} and data.strip():
            self.inline.append(data.strip())

    def handle_endtag(self, tag: str) -> None:
        self._within = ""


@pytest.fixture(scope="module", params=[path.name for path in sorted(STATIC.glob("*.html"))])
def page(request: pytest.FixtureRequest) -> _Page:
    parser = _Page()
    parser.feed((STATIC / request.param).read_text(encoding="utf-8"))
    return parser


def test_the_pure_parts_pass_their_own_tests_in_node() -> None:
    tests = sorted(str(path) for path in (ROOT / "tests" / "static").glob("*.test.mjs"))
    assert tests
    run = subprocess.run(
        [node(), "--test", *tests],
        capture_output=True,
        text=True,
        timeout=NODE_TIMEOUT_S,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    passed = re.search(r"^(?:#|ℹ) pass (\d+)$", run.stdout, re.MULTILINE)
    assert passed is not None, run.stdout
    assert int(passed[1]) >= len(tests)


@pytest.fixture(scope="module")
def histories() -> list[dict[str, Any]]:
    return vectors.histories()


def test_the_reducers_hold_what_the_server_has_after_every_message(
    histories: list[dict[str, Any]], tmp_path: Path
) -> None:
    told = tmp_path / "histories.json"
    told.write_bytes(orjson.dumps(histories))
    run = subprocess.run(
        [node(), str(ROOT / "tests" / "static" / "replay.mjs"), str(told)],
        capture_output=True,
        text=True,
        timeout=NODE_TIMEOUT_S,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    assert run.stdout == f"{vectors.HISTORIES * 3 * vectors.STEPS} steps\n"


def test_the_histories_hold_every_kind_of_message_and_operation(
    histories: list[dict[str, Any]],
) -> None:
    seen: set[str] = set()
    for history in histories:
        texts = [text for step in history["steps"] for text in step["messages"]]
        for message in map(orjson.loads, texts):
            seen |= {f"{history['format']}: {name}" for name in (*message, message["type"])}
            if message["type"] == "patch" and "count" not in message:
                seen.add("merge-patch: cleared first")
            for op in message.get("ops", ()):
                seen.add(f"json-patch: {op['op']}{' null' * ('value' in op and not op['value'])}")
            for part in message.get("merge", {}).values():
                seen.add(f"merge-patch: {'gone' if part is None else 'merged'}")
    assert {
        *("json: snapshot", "json: status", "json: put", "json: patch", "json: del"),
        *("json: resumed", "json: conflated", "merge-patch: doc", "merge-patch: cleared first"),
        *("merge-patch: gone", "merge-patch: merged", "merge-patch: resumed", "json-patch: doc"),
        *("json-patch: add", "json-patch: add null", "json-patch: remove", "json-patch: resumed"),
    } <= seen


def minified(entry: str, uncounted: tuple[str, ...]) -> bytes:
    """A module and all it imports, as small as they get."""
    options = ["--bundle", "--minify", "--format=esm", "--target=esnext", "--log-level=warning"]
    run = subprocess.run(
        [tool("esbuild"), *options, *(f"--external:{name}" for name in uncounted), entry],
        capture_output=True,
        cwd=STATIC,
        timeout=NODE_TIMEOUT_S,
        check=False,
    )
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout


@pytest.mark.parametrize(("entry", "uncounted", "most_bytes", "most_compressed"), SIZES)
def test_what_a_page_loads_is_small(
    entry: str, uncounted: tuple[str, ...], most_bytes: int, most_compressed: float
) -> None:
    code = minified(entry, uncounted)
    assert len(code) <= most_bytes
    assert len(gzip.compress(code)) <= most_compressed


@pytest.mark.parametrize(("entry", "most_bytes", "most_compressed"), WIDGETS)
def test_widgets_are_small_and_as_large_as_their_page_says(
    entry: str, most_bytes: float, most_compressed: float
) -> None:
    code = minified(entry, ("*/stream.js",))
    sizes = (len(code), len(gzip.compress(code)))
    assert sizes[0] <= most_bytes
    assert sizes[1] <= most_compressed
    page = (ROOT / "docs" / "widgets.md").read_text(encoding="utf-8").split("## Sizes")[1]
    row = re.search(rf"^\| `{entry}`[^|]*\| ([\d.]+) KB \| ([\d.]+) KB \|$", page, re.MULTILINE)
    assert row is not None
    for told, size in zip(row.groups(), sizes, strict=True):
        assert abs(size - 1000 * float(told)) <= 0.03 * size


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_every_script_is_a_module_that_node_can_parse(script: Path) -> None:
    run = subprocess.run(
        [node(), "--input-type=module", "--check"],
        input=script.read_text(encoding="utf-8"),
        capture_output=True,
        text=True,
        timeout=NODE_TIMEOUT_S,
        check=False,
    )
    assert run.returncode == 0, run.stderr


def test_the_page_holds_no_script_and_no_style_of_its_own(page: _Page) -> None:
    assert page.inline == []


def test_the_page_loads_only_files_that_are_there_and_by_relative_paths(page: _Page) -> None:
    assert page.loads
    for path in page.loads:
        assert path.startswith("static/"), path
        assert (ROOT / path).is_file(), path


def test_every_id_of_the_page_is_there_once_and_every_label_points_to_one(page: _Page) -> None:
    assert len(page.ids) == len(set(page.ids))
    assert set(page.refers) <= set(page.ids)


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_a_script_writes_text_and_never_markup(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    forbidden = (
        r"\b(innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|document\.write"
        r"|DOMParser|eval|cssText|srcdoc)\b|new Function|[sS]etAttribute\(\"(style|on)"
    )
    assert re.findall(forbidden, text) == []


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_a_script_imports_only_its_neighbours(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    for target in re.findall(r"^(?:import|export) [^;]*? from \"([^\"]+)\";$", text, re.MULTILINE):
        assert target.startswith(("./", "../")), target
        found = (script.parent / target).resolve()
        assert found.is_file() and found.is_relative_to(STATIC), target


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_a_script_stays_short_enough_to_read(script: Path) -> None:
    assert len(script.read_text(encoding="utf-8").splitlines()) <= 300


def test_the_types_declare_the_elements_that_there_are() -> None:
    exported = re.findall(r"^export \{ (\w+) \}", (STATIC / "widgets.js").read_text(), re.MULTILINE)
    types = (STATIC / "widgets.d.ts").read_text(encoding="utf-8")
    assert exported
    assert set(exported) == set(
        re.findall(r"^export (?:abstract )?class (\w+)", types, re.MULTILINE)
    )


def test_every_attribute_part_and_property_of_the_elements_is_declared_and_described() -> None:
    scripts = [path.read_text(encoding="utf-8") for path in sorted(STATIC.glob("widgets/*.js"))]
    types = (STATIC / "widgets.d.ts").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "widgets.md").read_text(encoding="utf-8")
    lists = re.findall(r"^const (?:WHERE|HOW) = \[(.*)\]", "\n".join(scripts), re.MULTILINE)
    lists += re.findall(r"^define\(.*\], \[(.*)\]\);$", "\n".join(scripts), re.MULTILINE)
    attributes = {name for names in lists for name in re.findall(r'"([\w-]+)"', names)}
    assert {"src", "max-rate", "stale-after", "scale"} <= attributes
    for name in attributes:
        assert f"`{name}`" in page or f"`{name}=" in page, name
        camel = re.sub(r"-(.)", lambda found: found[1].upper(), name)
        assert re.search(rf"^  (?:get )?{camel}(?:\(\))?: ", types, re.MULTILINE), name
    for name in set(re.findall(r"--stream-[\w-]+", "\n".join(scripts))):
        assert f"`{name}`" in page, name
    for name in set(re.findall(r'\bpart(?:: |\()"(\w+)"', "\n".join(scripts))):
        assert f"`{name}`" in page, name


def test_the_types_declare_what_the_client_exports() -> None:
    client = (STATIC / "stream.js").read_text(encoding="utf-8")
    types = (STATIC / "stream.d.ts").read_text(encoding="utf-8")
    exported = set(re.findall(r"^export function (\w+)", client, re.MULTILINE))
    for names in re.findall(r"^export \{ ([\w, ]+) \} from", client, re.MULTILINE):
        exported |= set(names.split(", "))
    assert exported == set(re.findall(r"^export function (\w+)", types, re.MULTILINE))


def test_every_option_that_the_client_reads_is_declared() -> None:
    parts = [STATIC / name for name in ("stream.js", "address.js", "share.js")]
    client = "\n".join(part.read_text(encoding="utf-8") for part in parts)
    read = set(re.findall(r"\boptions\.(\w+)", client, re.IGNORECASE))
    for names in re.findall(r"const \{ (.+) \} = (?:this\.#)?options;", client):
        read |= {name.split(" = ")[0] for name in names.split(", ")}
    for names in re.findall(r"function viewOf\(\{ ([\w, ]+) \}\)", client):
        read |= set(names.split(", "))
    assert read == declared("ConnectOptions")


def declared(interface: str) -> set[str]:
    """The members of an interface of the types."""
    types = (STATIC / "stream.d.ts").read_text(encoding="utf-8")
    body = types.split(f"interface {interface} {{")[1].split("\n}")[0]
    return set(re.findall(r"^  (\w+)\??:", body, re.MULTILINE))


@pytest.mark.parametrize("name", sorted(declared("ConnectOptions") | declared("ClientEvents")))
def test_every_option_and_event_of_the_client_stands_in_its_page(name: str) -> None:
    page = (ROOT / "docs" / "browser.md").read_text(encoding="utf-8")
    assert re.search(rf"^\|[^|]*`{name}`", page, re.MULTILINE)


@pytest.mark.parametrize(("entry", "uncounted", "most_bytes", "most_compressed"), SIZES)
def test_the_sizes_in_the_page_of_the_client_are_right(
    entry: str, uncounted: tuple[str, ...], most_bytes: int, most_compressed: float
) -> None:
    size = len(minified(entry, uncounted))
    figures = (ROOT / "docs" / "browser.md").read_text(encoding="utf-8").split("## Sizes")[1]
    told = [int(text.replace(",", "")) for text in re.findall(r"\| ([\d,]+) \|", figures)]
    assert any(abs(size - figure) <= 0.03 * figure for figure in told)
