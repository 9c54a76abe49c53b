"""Run one benchmark and print its figures, as a table or as JSON."""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from pathlib import Path

from tests.bench.figures import Figure


def benches() -> list[str]:
    """Modules in this folder that have a `measure(quick) -> list[Figure]`."""
    names = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])]
    return [name for name in names if "def measure(" in (Path(__file__).parent / f"{name}.py").read_text()]


def table(figures: list[Figure]) -> str:
    """The figures as lines for a terminal."""
    words = {None: "", True: "met", False: "MISSED"}
    rows = [(f.key, f"{f.value:,.2f} {f.unit}", f.aim, words[f.met], f.note) for f in figures]
    widths = [max(len(row[n]) for row in rows) for n in range(4)]
    return "\n".join("  ".join([*(row[n].ljust(widths[n]) for n in range(4)), row[4]]).rstrip() for row in rows)


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("name", choices=benches())
    parser.add_argument("--quick", action="store_true", help="fewer rounds, under 50 s")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = importlib.import_module(f"tests.bench.{arguments.name}").measure(arguments.quick)
    if arguments.json:
        json.dump({"bench": arguments.name, "figures": [f.to_json() for f in figures]}, sys.stdout, indent=2)
        print()
    else:
        print(table(figures))


if __name__ == "__main__":
    main()
