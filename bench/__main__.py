"""The command: ``python -m bench [name ...] [--rounds N] [--jobs N] [--quick | --full] [--json FILE]``."""

import argparse
import importlib
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench import machine
from bench.table import Row, render
from bench.world import World

PARTS: Final = (
    "accept",
    "sending",
    "open_generations",
    "claims",
    "recovery",
    "batches",
    "quotes",
    "costs",
    "callbacks",
    "viewers",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen measurements and print the table: 0 when every bar is reached, 1 when one is missed."""
    chosen = _parser().parse_args(arguments)
    about = machine.describe()
    _say(machine.headline(about))
    # Settings are read from the environment alone: an .env that lies here is the user's own.
    with tempfile.TemporaryDirectory(prefix="darkroom-bench-") as folder:
        os.chdir(folder)
        world = World(Path(folder), _rounds(chosen), _jobs(chosen), quick=chosen.quick, say=_say)
        rows = [row for name in chosen.names or PARTS for row in _measure(name, world)]
    _say(f"\n{render(rows)}")
    if chosen.json is not None:
        _write(chosen.json, about, rows)
    missed = [row.name for row in rows if row.verdict == "MISS"]
    return 1 if missed else 0


def _measure(name: str, world: World) -> list[Row]:
    _say(f"\n{name}")
    rows: list[Row] = importlib.import_module(f"bench.{name}").run(world)
    _say(render(rows))
    return rows


def _rounds(chosen: argparse.Namespace) -> int:
    return int(chosen.rounds or (1 if chosen.quick else 2))


def _jobs(chosen: argparse.Namespace) -> int:
    if chosen.jobs is not None:
        return int(chosen.jobs)
    if chosen.full:
        return 10_000
    return 300 if chosen.quick else 2_000


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Darkroom on this machine.")
    known = ", ".join(PARTS)
    parser.add_argument("names", nargs="*", choices=[[], *PARTS], help=f"of {known}; all by default")
    parser.add_argument("--rounds", type=int, help="how often most figures are taken (2, 1 with --quick)")
    parser.add_argument("--jobs", type=int, help="how many generations are open at once")
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--quick", action="store_true", help="small numbers: ratios only, about five minutes")
    sizes.add_argument("--full", action="store_true", help="10,000 open generations")
    parser.add_argument("--json", type=lambda path: Path(path).resolve(), help="write the figures there too")
    return parser


def _write(path: Path, about: dict[str, Any], rows: Sequence[Row]) -> None:
    document = {"machine": about, "rows": [row.as_json() for row in rows]}
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
