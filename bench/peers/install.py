"""``python bench/peers/install.py [CACHE]``: get the peers' libraries, what is missing of them.

From PyPI into a virtual environment in the cache folder, from npm into its ``node_modules``. Says
what came and what did not; the last line is the path of the Python to run the peers with.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

CACHE = Path.home() / ".cache" / "stream-bench"
PYTHON = (
    "channels",
    "daphne",
    "django",
    "httptools",
    "python-socketio",
    "sse-starlette",
    "starlette",
    "uvicorn",
    "uvloop",
    "websockets",
)
NODE = ("socket.io", "ws")
VERSIONS = """
import json, sys
from importlib.metadata import PackageNotFoundError, version
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        pass
print(json.dumps(found))
"""


def main() -> int:
    """Install, report, and tell by the exit code whether everything is there."""
    parser = argparse.ArgumentParser(description="Installs the libraries of the benchmark's peers.")
    parser.add_argument("cache", nargs="?", type=Path, default=CACHE, help=f"default: {CACHE}")
    cache: Path = parser.parse_args().cache.expanduser().resolve()
    python = python_of(cache)
    if not python.exists():
        venv.create(cache / "venv", with_pip=True)
    whole = install_python(python)
    whole = install_node(cache) and whole
    print(f"NODE_PATH={cache / 'node_modules'}")
    print(python)
    return 0 if whole else 1


def python_of(cache: Path) -> Path:
    """The Python that has the peers' libraries."""
    return cache / "venv" / "bin" / "python"


def install_python(python: Path) -> bool:
    """Bring what PyPI has; whether all of it is there."""
    before = python_versions(python)
    missing = [name for name in PYTHON if name not in before]
    failure = run([str(python), "-m", "pip", "install", "--quiet", *missing]) if missing else ""
    return report("PyPI", PYTHON, before, python_versions(python), failure)


def python_versions(python: Path) -> dict[str, str]:
    """The installed ones of the packages from PyPI, with their versions."""
    asked = [str(python), "-c", VERSIONS, *PYTHON]
    answer = subprocess.run(asked, check=True, capture_output=True, text=True)
    versions: dict[str, str] = json.loads(answer.stdout)
    return versions


def install_node(cache: Path) -> bool:
    """Bring what npm has; whether all of it is there."""
    before = node_versions(cache)
    missing = [name for name in NODE if name not in before]
    npm, failure = shutil.which("npm"), ""
    if missing and (npm is None or shutil.which("node") is None):
        failure = "node or npm is not on this machine"
    elif missing and npm is not None:
        flags = ["--prefix", str(cache), "--no-audit", "--no-fund", "--ignore-scripts"]
        failure = run([npm, "install", *flags, *missing])
    return report("npm", NODE, before, node_versions(cache), failure)


def node_versions(cache: Path) -> dict[str, str]:
    """The installed ones of the packages from npm, with their versions."""
    manifests = {name: cache / "node_modules" / name / "package.json" for name in NODE}
    return {
        name: json.loads(manifest.read_bytes())["version"]
        for name, manifest in manifests.items()
        if manifest.exists()
    }


def run(command: list[str]) -> str:
    """Run an installer; nothing if it went well, else what it said."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    said = (done.stderr or done.stdout).strip()
    return "" if done.returncode == 0 else said or f"exit code {done.returncode}"


def report(
    source: str,
    wanted: tuple[str, ...],
    before: dict[str, str],
    after: dict[str, str],
    failure: str,
) -> bool:
    """Say what came of each package; whether all are there."""
    for name in wanted:
        state = "was there" if name in before else "installed"
        print(f"{source}: {name} {f'{after[name]} {state}' if name in after else 'MISSING'}")
    if failure:
        print(f"{source}: {failure}")
    return all(name in after for name in wanted)


if __name__ == "__main__":
    sys.exit(main())
