"""The breaking machine in its short form: one seed, some dozens of jobs, and a storm."""

from pathlib import Path

import pytest

from tests.chaos import storm
from tests.chaos.audit import table
from tests.chaos.machine import Run, run

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]

_SEED = 20_261_122


def _say(text: str) -> None:
    """What pytest shows of a test that failed."""
    print(text, flush=True)  # noqa: T201 - progress


def test_whatever_breaks_nothing_is_paid_twice_and_nothing_paid_is_lost(tmp_path: Path) -> None:
    outcome = run(Run(_SEED, jobs=72, breaks=11, strikes=1), tmp_path, _say)
    assert outcome.passed, f"\n{table(outcome.findings)}"


def test_after_a_kill_of_everything_all_of_it_moves_again(tmp_path: Path) -> None:
    outcome = storm.run(_SEED, 150, tmp_path, _say)
    assert outcome.passed, f"\n{table(outcome.findings)}"
