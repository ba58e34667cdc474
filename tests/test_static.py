"""The files of the console, the client and the widgets: what a strict page policy asks of them,
and the tests of their pure parts, which Node runs. The pages are driven in tests/live."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
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
KINDS = ("chart", "news", "status", "table", "ticker", "watchlist")
"""The elements of widgets.js."""
AT_ONCE = (24 * KIB, 10 * KIB)
"""Most bytes of an element before its first paint, minified and compressed, without the client."""
IN_ALL = (60.5 * KIB, 23.5 * KIB)
"""The same of all elements, with all that they load later."""
IMPORTED = r'^(?:import|export) (?:[^;"]*? from )?"([^"]+)";$'
"""What a script imports."""
LOADED = r'\bimport\("(\./[\w/]+\.js)"\)'
"""What a script loads later."""


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


def imports_of(script: Path) -> set[Path]:
    """What a script imports."""
    return _named(script, IMPORTED)


def loads_of(script: Path) -> set[Path]:
    """What a script loads later."""
    return _named(script, LOADED)


def _named(script: Path, how: str) -> set[Path]:
    names = re.findall(how, script.read_text(encoding="utf-8"), re.MULTILINE)
    return {(script.parent / name).resolve() for name in names}


def parts_of(scripts: set[Path], next_of: Callable[[Path], set[Path]]) -> set[Path]:
    """Scripts, and however far that leads, those that ``next_of`` names for each."""
    found: set[Path] = set()
    ahead = set(scripts)
    while ahead:
        one = ahead.pop()
        found.add(one)
        ahead |= next_of(one) - found
    return found


def widget_sizes(kinds: Iterable[str], entry: Path) -> tuple[int, int, int, int]:
    """Elements minified as one, and compressed; then the same with all that they load later. The
    client is not counted. ``entry`` is a file that may be written."""
    scripts = {STATIC / "widgets" / f"{kind}.js" for kind in kinds}
    later = parts_of(scripts, lambda script: imports_of(script) | loads_of(script))
    loaded = {path for script in later for path in loads_of(script)}
    loaded = {path for path in loaded if path.parent.name == "widgets"}
    uncounted = ("*/stream.js", *(f"./{path.name}" for path in sorted(loaded)))
    sizes: list[int] = []
    for more in (set(), loaded):
        lines = [f'import "{path}";' for path in sorted(scripts)]
        lines += [f'export * from "{path}";' for path in sorted(more)]
        entry.write_text("\n".join(lines), encoding="utf-8")
        code = minified(str(entry), uncounted)
        sizes += [len(code), len(gzip.compress(code))]
    return sizes[0], sizes[1], sizes[2], sizes[3]


def assert_told(name: str, sizes: tuple[int, ...]) -> None:
    """A row of the table of sizes in the page of the widgets is right."""
    page = (ROOT / "docs" / "widgets.md").read_text(encoding="utf-8").split("## Sizes")[1]
    row = re.search(rf"^\| {re.escape(name)} \|(.*)\|$", page, re.MULTILINE)
    assert row is not None, name
    told = [1000 * float(figure) for figure in re.findall(r"([\d.]+) KB", row[1])]
    for figure, size in zip(told, sizes, strict=True):
        assert abs(size - figure) <= 0.03 * size


@pytest.mark.parametrize("kind", KINDS)
def test_an_element_is_small_before_its_first_paint_and_as_large_as_its_page_says(
    kind: str, tmp_path: Path
) -> None:
    sizes = widget_sizes([kind], tmp_path / "entry.js")
    assert sizes[0] <= AT_ONCE[0]
    assert sizes[1] <= AT_ONCE[1]
    assert_told(f"`widgets/{kind}.js`", sizes)


def test_all_elements_together_are_as_large_as_their_page_says(tmp_path: Path) -> None:
    sizes = widget_sizes(KINDS, tmp_path / "entry.js")
    assert sizes[2] <= IN_ALL[0]
    assert sizes[3] <= IN_ALL[1]
    assert_told("all six", sizes)
    loader = minified("widgets.js", ("./widgets/*",))
    assert_told("`widgets.js` itself", (len(loader), len(gzip.compress(loader))))


@pytest.mark.parametrize("kind", KINDS)
def test_what_an_element_imports_is_asked_for_beside_it(kind: str) -> None:
    loader = (STATIC / "widgets.js").read_text(encoding="utf-8")
    row = re.search(rf'^  {kind}: \[.*"\./widgets/{kind}\.js"\), (.*)\],$', loader, re.MULTILINE)
    assert row is not None
    lists = dict(re.findall(r'^const (ALL|GRID) = "(.*)";$', loader, re.MULTILINE))
    names = re.sub(r"\W*GRID\W*", lists["GRID"] + " ", row[1]).strip('"`')
    entry = STATIC / "widgets" / f"{kind}.js"
    asked = {(entry.parent / f"{name}.js").resolve() for name in f"{lists['ALL']} {names}".split()}
    needed = parts_of({entry}, imports_of) - {entry}
    assert asked <= needed
    # How the client is made up is not the loader's business: there some is enough.
    assert {path for path in needed - asked if path.parent.name == "widgets"} == set()


@pytest.mark.parametrize("name", ["index", "desk", "news", "embed"])
def test_a_page_asks_at_once_for_all_that_its_scripts_import(name: str) -> None:
    page = (STATIC / f"{name}.html").read_text(encoding="utf-8")
    scripts = {ROOT / src for src in re.findall(r'<script type="module" src="([^"]+)"', page)}
    asked = re.findall(r'<link rel="modulepreload" href="([^"]+)">', page)
    needed = parts_of(scripts, imports_of) - scripts
    assert sorted(asked) == sorted(str(path.relative_to(ROOT)) for path in needed)


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
    for target in [*re.findall(IMPORTED, text, re.MULTILINE), *re.findall(LOADED, text)]:
        assert target.startswith(("./", "../")), target
        found = (script.parent / target).resolve()
        assert found.is_file() and found.is_relative_to(STATIC), target


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_a_script_stays_short_enough_to_read(script: Path) -> None:
    assert len(script.read_text(encoding="utf-8").splitlines()) <= 300


def test_the_types_declare_the_elements_that_there_are_and_what_loads_them() -> None:
    types = (STATIC / "widgets.d.ts").read_text(encoding="utf-8")
    scripts = [path.read_text(encoding="utf-8") for path in sorted(STATIC.glob("widgets/*.js"))]
    defined = re.findall(r'^define\("([\w-]+)", (\w+),', "\n".join(scripts), re.MULTILINE)
    assert [name for name, _ in defined] == [f"stream-{kind}" for kind in KINDS]
    assert defined == sorted(re.findall(r'^    "([\w-]+)": (\w+);$', types, re.MULTILINE))
    assert {kind for _, kind in defined} == set(
        re.findall(r"^export interface (\w+) extends StreamElement", types, re.MULTILINE)
    )
    loader = (STATIC / "widgets.js").read_text(encoding="utf-8")
    exported = re.findall(r"^export (?:async )?function (\w+)", loader, re.MULTILINE)
    assert exported == re.findall(r"^export function (\w+)", types, re.MULTILINE)
    named = re.search(r"^export type ElementKind =(.*?);$", types, re.MULTILINE | re.DOTALL)
    assert named is not None
    assert sorted(re.findall(r'"(\w+)"', named[1])) == list(KINDS)


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
