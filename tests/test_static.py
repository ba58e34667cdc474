"""The files of the console, the client and the widgets: what a strict page policy asks of them,
and the tests of their pure parts, which Node runs. The pages are driven in tests/live."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STATIC = ROOT / "static"
SCRIPTS = sorted(STATIC.rglob("*.js"))
NODE_TIMEOUT_S = 50


def name_of(path: Path) -> str:
    """A script as it is called below static/."""
    return str(path.relative_to(STATIC))


def node() -> str:
    """The path of Node; where it is missing the test is skipped, but not in CI."""
    path = shutil.which("node")
    if path is None:
        reason = "node is not installed: the tests of static/*.js did not run"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


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


@pytest.fixture(scope="module")
def page() -> _Page:
    parser = _Page()
    parser.feed((STATIC / "index.html").read_text(encoding="utf-8"))
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
    assert set(exported) == set(re.findall(r"^export class (\w+)", types, re.MULTILINE))


def test_every_attribute_part_and_property_of_the_elements_is_declared_and_described() -> None:
    scripts = [path.read_text(encoding="utf-8") for path in sorted(STATIC.glob("widgets/*.js"))]
    types = (STATIC / "widgets.d.ts").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "widgets.md").read_text(encoding="utf-8")
    lists = re.findall(r"^const (?:WHERE|HOW) = \[(.*)\]", "\n".join(scripts), re.MULTILINE)
    lists += re.findall(r"StreamElement\.observedAttributes, (.*)\];", "\n".join(scripts))
    attributes = {name for names in lists for name in re.findall(r'"([\w-]+)"', names)}
    assert {"src", "max-rate", "stale-after", "scale"} <= attributes
    for name in attributes:
        assert f"`{name}`" in page or f"`{name}=" in page, name
        camel = re.sub(r"-(.)", lambda found: found[1].upper(), name)
        assert re.search(rf"^  {camel}: ", types, re.MULTILINE), name
    for name in set(re.findall(r"--stream-[\w-]+", "\n".join(scripts))):
        assert f"`{name}`" in page, name
    for name in set(re.findall(r'\bpart: "(\w+)"', "\n".join(scripts))):
        assert f"`{name}`" in page, name


def test_the_types_declare_what_the_client_exports() -> None:
    client = (STATIC / "stream.js").read_text(encoding="utf-8")
    types = (STATIC / "stream.d.ts").read_text(encoding="utf-8")
    exported = set(re.findall(r"^export function (\w+)", client, re.MULTILINE))
    for names in re.findall(r"^export \{ ([\w, ]+) \} from", client, re.MULTILINE):
        exported |= set(names.split(", "))
    assert exported == set(re.findall(r"^export function (\w+)", types, re.MULTILINE))


def test_every_option_that_the_client_reads_is_declared() -> None:
    client = (STATIC / "stream.js").read_text(encoding="utf-8")
    types = (STATIC / "stream.d.ts").read_text(encoding="utf-8")
    read = set(re.findall(r"\boptions\.(\w+)", client, re.IGNORECASE))
    for names in re.findall(r"const \{ ([\w, ]+) \} = this\.#options", client):
        read |= set(names.split(", "))
    declared = types.split("interface ConnectOptions {")[1].split("\n}")[0]
    assert read == set(re.findall(r"^  (\w+)\??:", declared, re.MULTILINE))
