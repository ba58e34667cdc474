"""The types for TypeScript: they compile, fit the examples, and declare what the scripts have."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.test_static import STATIC, node, tool

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "tests" / "static" / "types.ts"
TSC_TIMEOUT_S = 55
OPTIONS = [
    *("--strict", "--noEmit", "--pretty", "false", "--moduleResolution", "node"),
    *("--target", "es2022", "--module", "es2022", "--lib", "es2022,dom,dom.iterable"),
]


def compiled(file: Path) -> str:
    """What the compiler complains of."""
    run = subprocess.run(
        [tool("tsc"), *OPTIONS, str(file)],
        capture_output=True,
        check=False,
        text=True,
        timeout=TSC_TIMEOUT_S,
    )
    assert (run.returncode == 0) == (run.stdout == ""), run.stderr
    return run.stdout


@pytest.mark.tool("tsc")
def test_the_examples_compile_and_what_is_misused_does_not() -> None:
    assert compiled(EXAMPLES) == ""


def test_every_option_event_and_attribute_is_in_the_examples() -> None:
    examples = EXAMPLES.read_text(encoding="utf-8")
    for file, names in (
        ("stream.d.ts", ("ConnectOptions", "Client", "Channel", "Change", "Status", "Notice")),
        ("widgets.d.ts", ("Selection", "StateChange", "Update")),
    ):
        for interface in names:
            for member in declared(file, f"interface {interface}"):
                assert re.search(rf"\b{member}\b", examples), f"{interface}.{member}"
    for event in declared("stream.d.ts", "interface ClientEvents"):
        assert f'client.addEventListener("{event}"' in examples
    for event in declared("widgets.d.ts", "interface StreamEvents"):
        assert re.search(rf'ddEventListener\("{event}"', examples), event
    for kind in elements():
        for member in declared("widgets.d.ts", f"export [a-z ]+ {kind}") - {"state"}:
            assert re.search(rf"\w\.{member} = ", examples), f"{kind}.{member}"


def elements() -> list[str]:
    """The names of the elements' types, and of what they have in common."""
    types = (STATIC / "widgets.d.ts").read_text(encoding="utf-8")
    found = re.findall(r'^    "stream-[\w-]+": (\w+);$', types, re.MULTILINE)
    assert "StreamNews" in found
    return ["StreamElement", *found]


def declared(file: str, name: str) -> set[str]:
    """The members that an interface or a class of the types declares itself."""
    types = (STATIC / file).read_text(encoding="utf-8")
    found = re.search(rf"\b{name}\b[^{{\n]*\{{(.*?)\}}\n", types, re.DOTALL)
    assert found is not None, name
    member = r'^  (?:readonly |get )?"?([\w-]+)"?\??[:(]'
    return set(re.findall(member, found[1], re.MULTILINE)) - {
        "addEventListener",
        "removeEventListener",
    }


@pytest.fixture(scope="module")
def surface() -> dict[str, dict[str, Any]]:
    """By file what each offers, types and scripts alike."""
    library = Path(tool("tsc")).resolve().parent.parent / "lib" / "typescript.js"
    scripts = [f"widgets/{path.name}" for path in sorted(STATIC.glob("widgets/*.js"))]
    types = [path.name for path in sorted(STATIC.glob("*.d.ts"))]
    files = ["stream.js", "documents.js", *types, *scripts]
    run = subprocess.run(
        [node(), str(ROOT / "tests" / "static" / "surface.mjs"), str(library), *files],
        capture_output=True,
        check=False,
        cwd=STATIC,
        text=True,
        timeout=TSC_TIMEOUT_S,
    )
    assert run.returncode == 0, run.stderr
    told: dict[str, dict[str, Any]] = orjson.loads(run.stdout)
    return told


@pytest.mark.tool("tsc")
@pytest.mark.parametrize("name", ["stream", "documents"])
def test_the_client_has_what_its_types_declare_and_nothing_else(
    surface: dict[str, dict[str, Any]], name: str
) -> None:
    script, types = surface[f"{name}.js"], surface[f"{name}.d.ts"]
    offered = {name: what for name, what in types.items() if what["kind"] != "interface"}
    assert set(script) == set(offered)
    for export, there in offered.items():
        here = script[export]
        assert here["kind"] == there["kind"]
        assert here["takes"] >= there["takes"]
        if name == "stream":
            always = {member for member in there["members"] if not member.endswith("?")}
            ever = {member.rstrip("?") for member in there["members"]}
            assert always <= {member.rstrip("?") for member in here["members"]} <= ever, export


@pytest.mark.tool("tsc")
def test_the_members_of_the_client_are_seen_by_the_test_above(
    surface: dict[str, dict[str, Any]],
) -> None:
    members = surface["stream.js"]["connect"]["members"]
    assert {"add", "cursor", "channels", "state", "[asyncIterator]"} <= set(members)
    assert {"diverged", "kind"} <= set(surface["stream.js"]["apply"]["members"])


@pytest.mark.tool("tsc")
def test_the_elements_have_what_their_types_declare(surface: dict[str, dict[str, Any]]) -> None:
    classes = {
        name: set(offered["members"])
        for file in surface
        if file.startswith("widgets/")
        for name, offered in surface[file].items()
        if offered["kind"] == "class"
    }
    for name in elements():
        members = set(surface["widgets.d.ts"][name]["members"])
        assert members <= classes[name] | attributes(name), name
        assert attributes(name) <= members, name


def attributes(kind: str) -> set[str]:
    """The properties that stand for attributes, of all elements and of this kind."""
    scripts = "".join(path.read_text(encoding="utf-8") for path in STATIC.glob("widgets/*.js"))
    lists = re.findall(r"^const (?:WHERE|HOW) = \[(.*)\]", scripts, re.MULTILINE)
    assert len(lists) == 2
    lists += re.findall(rf"^define\(.*\b{kind}\b.*\], \[(.*)\]\);$", scripts, re.MULTILINE)
    names = re.findall(r'"([\w-]+)"', " ".join(lists))
    return {re.sub(r"-(.)", lambda found: found[1].upper(), name) for name in names}


def test_the_words_of_the_types_are_those_of_the_scripts() -> None:
    types = (STATIC / "stream.d.ts").read_text(encoding="utf-8")
    client = (STATIC / "stream.js").read_text(encoding="utf-8")
    become = re.findall(r'#become\(.*|^  state = ".*', client, re.MULTILINE)
    said = set(re.findall(r'"(\w+)"', " ".join(become)))
    assert said == union(types, "LinkState")
    reducer = (STATIC / "reducer.js").read_text(encoding="utf-8")
    applied = set(re.findall(r"^  (\w+)\(state, message", reducer, re.MULTILINE))
    emitted = set(re.findall(r'#emit\("(\w+)"', client))
    assert emitted | applied == declared("stream.d.ts", "interface ClientEvents")
    notice = re.search(
        r"pending\.set\(view\.name, \{ (.*) \}\)", (STATIC / "notices.js").read_text()
    )
    assert notice is not None
    members = {part.split(":")[0] for part in notice[1].split(", ")}
    assert members == declared("stream.d.ts", "interface Notice")
    page = (ROOT / "docs" / "widgets.md").read_text(encoding="utf-8")
    states = re.search(r"^States: (.*?)\. The strip", page, re.MULTILINE | re.DOTALL)
    assert states is not None
    elements = (STATIC / "widgets.d.ts").read_text(encoding="utf-8")
    assert set(re.findall(r"`(\w+)`", states[1])) == union(elements, "ElementState")
    scripts = "".join(path.read_text(encoding="utf-8") for path in STATIC.glob("widgets/*.js"))
    sent = set(re.findall(r'\.send\("([\w-]+)"', scripts))
    assert sent == declared("widgets.d.ts", "interface StreamEvents")


def union(types: str, name: str) -> set[str]:
    """The words of a type that is one of several."""
    found = re.search(rf"export type {name} =(.*?);", types, re.DOTALL)
    assert found is not None, name
    return set(re.findall(r'"([\w-]+)"', found[1]))
