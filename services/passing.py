"""Passing jobs on: while a provider's circuit is open, what another offer may run need not wait for it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from domain.circuit import Circuit
from domain.lanes import Lane
from domain.retry import others
from services import ending
from services.runtime import Runtime
from storage import agenda, jobs, lanes
from storage.database import Session
from storage.records import JobRecord

_MOST: Final = 100


def pass_on(runtime: Runtime, session: Session, waiting: Sequence[Lane], now: datetime) -> bool:
    """Give jobs that wait for a provider that is down to their next offer; True when any was.

    A job without another offer waits until the circuit is to be probed.
    """
    down = {
        row.provider: row.open_until
        for row in lanes.providers(session)
        if row.open_until and Circuit(row.troubles, row.open_until).is_open(now)
    }
    passed = False
    for lane in waiting:
        if (until := down.get(lane.provider)) is None:
            continue
        for job in jobs.due_in_lane(session, lane, now, most=_MOST):
            entry = _next(job, down)
            if entry is None:
                agenda.schedule(session, job, until)
            else:
                _pass(runtime, session, job, entry)
            passed = True
    return passed


def _next(job: JobRecord, down: dict[str, datetime]) -> int | None:
    """The place in the plan of the next offer that may take the job now."""
    if not job.routing.get("fallback", True):
        return None
    open_to = others(job.plan_at, [entry["exhausted"] for entry in job.plan])
    return next((place for place in open_to if job.plan[place]["provider"] not in down), None)


def _pass(runtime: Runtime, session: Session, job: JobRecord, place: int) -> None:
    at = runtime.clock()
    before = job.provider
    ending.aim(job, place)
    data = {"from": before, "provider": job.provider, "reason": f"{before} does not answer"}
    jobs.note(session, job.id, "passed_on", at, data=data)
    agenda.schedule(session, job, at)
