"""``python -m bench``: our server beside real peers, in one run; the tables go to stdout.

Needs Linux and a C compiler; nginx with Nchan, Node and the peers' libraries where they are there
(``bench/peers/install.py`` brings the libraries). What is missing is left out, with the reason.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import age, diffing, fanout, held, join, plot, quotes, stuck
from bench.measure import say
from bench.place import Place, Unavailable, machine, prepare
from bench.report import Part, machine_table, markdown, write_json
from bench.targets import NAMES

PARTS: dict[str, Callable[[Place], Part]] = {
    "diff": diffing.part,
    "a": fanout.one_channel,
    "b": fanout.many_channels,
    "b2": fanout.many_publishers,
    "c": quotes.views,
    "d": held.idle,
    "e": age.polled,
    "f": held.held,
    "g": join.rush,
    "h": stuck.stalled,
}


def main() -> None:
    """Read the arguments, run, print."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="stream-bench-") as folder:
        place = prepare(
            Path(folder),
            is_quick=arguments.quick,
            rounds=arguments.rounds or (1 if arguments.quick else 2),
            only=_names(arguments.peers, NAMES, "target"),
        )
        found = machine(place)
        print(machine_table(found), flush=True)
        parts: list[Part] = []
        for key in _names(arguments.only, tuple(PARTS), "part") or tuple(PARTS):
            say(f"part {key}")
            parts.append(PARTS[key](place))
            print(markdown(parts[-1]), flush=True)
            if arguments.out is not None:
                write_json(arguments.out, found, parts, arguments.quick)
    if arguments.plots is not None:
        plot.write(arguments.plots, parts)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Ratios, side by side.")
    parser.add_argument("--quick", action="store_true", help="reduced sizes: a smoke test")
    parser.add_argument("--only", default="", help=f"parts, with commas: {','.join(PARTS)}")
    parser.add_argument("--peers", default="", help=f"targets, with commas: {','.join(NAMES)}")
    parser.add_argument("--rounds", type=int, default=0, help="rounds in alternating order")
    parser.add_argument("--out", type=Path, help="write everything that was measured as JSON")
    parser.add_argument("--plots", type=Path, help="draw SVG plots into this folder")
    return parser.parse_args()


def _names(text: str, known: tuple[str, ...], what: str) -> tuple[str, ...]:
    names = tuple(name for name in text.split(",") if name)
    for name in names:
        if name not in known:
            raise SystemExit(f"no {what} {name!r}; there are {', '.join(known)}")
    return names


if __name__ == "__main__":
    try:
        main()
    except Unavailable as error:
        raise SystemExit(str(error)) from None
