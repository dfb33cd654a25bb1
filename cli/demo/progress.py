"""Following the demo's jobs until they have ended: a live table at a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
    with _shown(now, output) as show:
        while any(job["status"] not in ENDED for job in now) and time.monotonic() < deadline:
            check()
            now = [_look(client, job) for job in now]
            show(now)
            time.sleep(_LOOK_SECONDS)
    return now


@contextmanager
def _shown(jobs: Sequence[Job], output: Output) -> Iterator[Callable[[Sequence[Job]], None]]:
    """Shows jobs as they change: to people, to a log, or to nobody."""
    if output.lively:
        with Live(_table(jobs), console=output.err, transient=True) as live:
            yield lambda now: live.update(_table(now))
        return
    told = {job["id"]: job["status"] for job in jobs}

    def tell(now: Sequence[Job]) -> None:
        for job in now:
            if told[job["id"]] != job["status"] and not output.as_json:
                seconds = job["latency"]["total"]
                output.note(f"{job['tags']['scene']}: {job['status']} at {job['provider']}, {seconds:.1f} s")
            told[job["id"]] = job["status"]

    yield tell


def _look(client: Client, job: Job) -> Job:
    if job["status"] in ENDED:
        return job
    seen: Job = client.get(f"/v1/jobs/{job['id']}")
    return seen


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
