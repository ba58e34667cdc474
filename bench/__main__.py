"""``python -m bench [--quick]``: run every benchmark and print its table."""

from __future__ import annotations

import argparse

from bench import diffing


def main() -> None:
    """Read the arguments, run, print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Ratios, side by side.")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a smoke test")
    arguments = parser.parse_args()
    print(diffing.table(diffing.measure(rounds=5 if arguments.quick else 31)))


if __name__ == "__main__":
    main()
