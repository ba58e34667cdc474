"""The layers of docs/design.md, checked from the code's own imports."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "stream"
IMPURE = {"asyncio", "time", "random", "secrets", "os", "socket", "httpx", "logging", "threading"}
_HEADING = re.compile(r"^### Layer: (?P<layer>.+)$")
_ROW = re.compile(r"^\| `(?P<room>[\w/]+\.py)` \|")


def rooms() -> dict[str, Path]:
    """Every module by its path within the package."""
    return {str(path.relative_to(PACKAGE).as_posix()): path for path in PACKAGE.rglob("*.py")}


def layers() -> dict[str, list[str]]:
    """Layer → its rooms, as the page lists them."""
    found: dict[str, list[str]] = {}
    layer = None
    for line in (ROOT / "docs" / "design.md").read_text(encoding="utf-8").splitlines():
        if heading := _HEADING.match(line):
            layer = heading["layer"]
            found[layer] = []
        elif line.startswith("## "):
            layer = None
        elif layer is not None and (row := _ROW.match(line)):
            found[layer].append(row["room"])
    return found


def imported(path: Path) -> set[str]:
    """Every dotted name that a file imports, wherever in the file it does so."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def rooms_of(name: str) -> set[str]:
    """The rooms that a dotted name leads to: ``stream.doors.gate`` → ``doors/gate.py``."""
    parts = name.split(".")
    if parts[0] != "stream":
        return set()
    for length in range(len(parts), 0, -1):
        stem = "/".join(parts[1:length])
        for room in (f"{stem}.py", f"{stem}/__init__.py".lstrip("/")):
            if room in rooms():
                return {room}
    raise AssertionError(f"{name} is no module of the package")


LAYERS = layers()
DEPTH = {room: n for n, names in enumerate(LAYERS.values()) for room in names}


def test_every_room_stands_in_exactly_one_layer() -> None:
    listed = [room for names in LAYERS.values() for room in names]
    assert sorted(listed) == sorted(rooms())


def test_the_reader_of_imports_sees_what_it_should() -> None:
    assert rooms_of("stream.doors.gate.check") == {"doors/gate.py"}
    assert rooms_of("stream.__version__") == {"__init__.py"}
    assert "asyncio" in imported(PACKAGE / "hub.py") | imported(PACKAGE / "poller.py")


@pytest.mark.parametrize("room", sorted(DEPTH))
def test_a_room_imports_nothing_from_a_layer_below_it(room: str) -> None:
    used = {each for name in imported(PACKAGE / room) for each in rooms_of(name)}
    assert not {each for each in used if DEPTH[each] > DEPTH[room]}


@pytest.mark.parametrize("room", LAYERS["pure"])
def test_a_pure_room_knows_no_clock_chance_task_or_socket(room: str) -> None:
    tops = {name.partition(".")[0] for name in imported(PACKAGE / room)}
    assert not tops & IMPURE


@pytest.mark.parametrize(("library", "room"), [("httpx", "hops.py"), ("httptools", "answer.py")])
def test_a_library_of_upstreams_is_imported_by_one_room(library: str, room: str) -> None:
    users = {
        name
        for name, path in rooms().items()
        if any(each.partition(".")[0] == library for each in imported(path))
    }
    assert users == {room}
