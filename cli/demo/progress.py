"""Following the demo's jobs until they have ended: a live table at a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Final

from rich.live import Live
from rich.table import Table

from cli.client import Client
from cli.output import Output, table
from cli.rendering import status
from domain.lifecycle import ENDED

_PATIENCE_SECONDS: Final = 180.0
_LOOK_SECONDS: Final = 0.25

Job = dict[str, Any]


def follow(
    client: Client,
    jobs: Sequence[Job],
    output: Output,
    check: Callable[[], None],
    *,
    patience: float = _PATIENCE_SECONDS,
) -> list[Job]:
    """The jobs once all have ended, or as they stand when the ``patience`` (in seconds) is over."""
    now = list(jobs)
    deadline = time.monotonic() + patience
    live = Live(_table(now), console=output.err, transient=True) if output.lively else None
    with live or nullcontext():
        while any(job["status"] not in ENDED for job in now) and time.monotonic() < deadline:
            check()
            before, now = now, [_look(client, job) for job in now]
            if live is not None:
                live.update(_table(now))
            elif not output.as_json:
                _tell(before, now, output)
            time.sleep(_LOOK_SECONDS)
    return now


def _look(client: Client, job: Job) -> Job:
    if job["status"] in ENDED:
        return job
    seen: Job = client.get(f"/v1/jobs/{job['id']}")
    return seen


def _tell(before: Sequence[Job], now: Sequence[Job], output: Output) -> None:
    for old, new in zip(before, now, strict=True):
        if old["status"] != new["status"]:
            seconds = new["latency"]["total"]
            output.note(f"{new['tags']['scene']}: {new['status']} at {new['provider']}, {seconds:.1f} s")


def _table(jobs: Sequence[Job]) -> Table:
    rows = (
        (
            job["tags"]["scene"],
            job["model"],
            job["provider"],
            status(job["status"]),
            f"{job['latency']['total']:.1f} s",
        )
        for job in jobs
    )
    return table(("job", "model", "provider", "status", "for"), rows)
