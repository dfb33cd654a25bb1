"""Waiting for a job to end: long polling, which outlives a restart of the API."""

import time
from typing import Any, Final

from cli.client import Client
from cli.output import Output
from cli.patience import AWAY_SECONDS, patiently
from domain.lifecycle import ENDED

_HOLD_SECONDS: Final = 20
# Where someone watches, the line says more often where the job stands.
_LIVELY_HOLD_SECONDS: Final = 2


def wait_for_end(
    client: Client, job: dict[str, Any], output: Output, *, away_seconds: float = AWAY_SECONDS
) -> dict[str, Any]:
    """The job once it has ended; ``review`` is an end too: a person is needed.

    Raises:
        Unreachable: Darkroom was away for ``away_seconds``; the job itself goes on.
    """
    started = time.monotonic()
    hold = _LIVELY_HOLD_SECONDS if output.lively else _HOLD_SECONDS
    with output.telling(_standing(job, 0.0)) as tell:
        while job["status"] not in ENDED:
            job = _look(client, job["id"], hold, away_seconds)
            tell(_standing(job, time.monotonic() - started))
    return job


def _look(client: Client, job_id: str, hold: int, away_seconds: float) -> dict[str, Any]:
    """The job once it has ended, or as it stands after ``hold`` seconds; asked on while nobody answers."""
    return patiently(
        lambda: client.get(f"/v1/jobs/{job_id}", {"wait": hold}, hold=hold),
        away_seconds=away_seconds,
        otherwise=f"the job goes on: `darkroom jobs show {job_id}` asks for it again",
    )


def _standing(job: dict[str, Any], seconds: float) -> str:
    return f"{job['id']} is {job['status']} at {job['provider']}, {seconds:.0f} s"
