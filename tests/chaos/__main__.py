"""The long form: ``python -m tests.chaos --seed 7 --jobs 400``; a seed asks and breaks the same again."""

import argparse
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.chaos import storm
from tests.chaos.audit import table
from tests.chaos.machine import Run, run

_STORM_JOBS: Final = 1000


def main() -> int:
    """0 when every check passed; else 1, and the folder with the logs and the evidence stays."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(1_000_000), help="what is asked and broken"
    )
    parser.add_argument(
        "--jobs", type=int, default=400, help="how many jobs the machine breaks (40 and more)"
    )
    parser.add_argument(
        "--storm", type=int, default=_STORM_JOBS, help="how many jobs the storm meets; 0: none"
    )
    given = parser.parse_args()
    begun = time.monotonic()

    def say(text: str) -> None:
        sys.stdout.write(f"{time.monotonic() - begun:7.1f} s  {text}\n")
        sys.stdout.flush()

    say(f"seed {given.seed}, {given.jobs} jobs, then a storm over {given.storm}")
    folder = Path(tempfile.mkdtemp(prefix="darkroom-chaos-"))
    outcomes = []
    if given.jobs:
        asked = Run(given.seed, given.jobs, breaks=given.jobs // 6, strikes=max(2, given.jobs // 60))
        outcomes.append(run(asked, _made(folder / "machine"), say))
        say(f"the machine, seed {given.seed}:\n\n{table(outcomes[-1].findings)}\n")
    if given.storm:
        outcomes.append(storm.run(given.seed, given.storm, _made(folder / "storm"), say))
        say(f"the storm, seed {given.seed}:\n\n{table(outcomes[-1].findings)}\n")
    if all(outcome.passed for outcome in outcomes):
        shutil.rmtree(folder, ignore_errors=True)
        return 0
    again = f"make chaos SEED={given.seed} JOBS={given.jobs}"
    say(f"FAILED: `{again}` runs the same again; logs and evidence are in {folder}")
    return 1


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    sys.exit(main())
