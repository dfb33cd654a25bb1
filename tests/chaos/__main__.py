"""The long form: ``python -m tests.chaos --seed 7 --jobs 400``; a seed asks and breaks the same again."""

import argparse
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.audit import table
from tests.chaos.machine import Outcome, Run, Say, run


def main() -> int:
    """0 when every check passed; else 1, and the folder with the logs and the evidence stays."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--jobs", type=int, default=400)
    given = parser.parse_args()
    begun = time.monotonic()

    def say(text: str) -> None:
        sys.stdout.write(f"{time.monotonic() - begun:7.1f} s  {text}\n")
        sys.stdout.flush()

    say(f"seed {given.seed}, {given.jobs} jobs")
    folder = Path(tempfile.mkdtemp(prefix="darkroom-chaos-"))
    seconds = max(20.0, given.jobs / 3)
    outcome = run(Run(given.seed, given.jobs, seconds, max(2, given.jobs // 60)), folder, say)
    return _end(outcome, folder, given.seed, given.jobs, say)


def _end(outcome: Outcome, folder: Path, seed: int, jobs: int, say: Say) -> int:
    sys.stdout.write(f"\n{table(outcome.findings)}\n\n")
    if outcome.passed:
        shutil.rmtree(folder, ignore_errors=True)
        return 0
    say(f"FAILED with seed {seed}: make chaos SEED={seed} JOBS={jobs} runs it again; see {folder}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
