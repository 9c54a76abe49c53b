"""Run one long suite and print what it found, with date and machine. Ends with status 1 if it found something."""

from __future__ import annotations

import argparse
import importlib
import sys

from tests.long.suite import Suite, machine

SUITES = {
    "fuzz": "malformed inputs to every parser, and to a whole peer over real sockets",
}


def main() -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.long", description=__doc__)
    commands = parser.add_subparsers(dest="suite", required=True)
    suites: dict[str, Suite] = {}
    for name, words in SUITES.items():
        suite: Suite = importlib.import_module(f"tests.long.{name}")
        suites[name] = suite
        command = commands.add_parser(name, help=words, description=suite.__doc__)
        command.add_argument("--minutes", type=float, default=10.0, help="for how long (default 10)")
        command.add_argument("--seed", type=int, default=0, help="the first round's seed")
        suite.options(command)
    arguments = parser.parse_args()
    report = suites[arguments.suite].run(arguments)
    print(machine())
    print("\n".join(report.lines))
    print("good" if report.good else "FOUND SOMETHING")
    return 0 if report.good else 1


if __name__ == "__main__":
    sys.exit(main())
