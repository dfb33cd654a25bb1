"""Jobs that have cost something, as the engine leaves them: with attempts, bookings and a timeline."""

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text

from domain.costing import Grouping, Sums
from services.runtime import Runtime
from storage import jobs, ledger
from storage.costs.groups import Asked, groups
from storage.records import AttemptRecord, JobRecord
from tests.support.engine import Engine
from tests.support.rows import NOON, a_job, an_attempt

OVER = ("succeeded", "failed", "canceled")


class Try(NamedTuple):
    """What an attempt came to; ``nano`` None is not known."""

    nano: int | None = 10
    provider: str = "fal"
    basis: str = "billable_units"
    final: bool = True


def booked(engine: Engine, *tries: Try, held: int = 0, **fields: Any) -> JobRecord:  # noqa: ANN401 - columns
    """A job that succeeded at the provider of its last try; ``held`` is what it still holds."""
    last = tries[-1].provider if tries else "linkmodel"
    over = fields.get("status", "succeeded") in OVER
    known = all(one.nano is not None for one in tries)
    defaults: dict[str, Any] = {
        "project_id": engine.project_id,
        "status": "succeeded",
        "provider": last,
        "endpoint": f"{last}-endpoint",
        "attempts": len(tries),
        "reserved_nano": held,
        "cost_nano": sum(one.nano or 0 for one in tries) if over and known else None,
    }
    job = a_job(**(defaults | fields))
    with engine.runtime.database.work() as session:
        session.add(job)
        session.flush()
        ledger.reserve(session, job, held + 5, NOON)
        ledger.release(session, job, 5, NOON)
        for number, one in enumerate(tries, 1):
            attempt = _attempt(job, number, one)
            session.add(attempt)
            session.flush()
            ledger.settle(session, job, attempt, NOON)
        jobs.note(session, job.id, "accepted", NOON)
        jobs.note(session, job.id, str(job.status), NOON)
    return job


def cost(engine: Engine, job: JobRecord, number: int, nano: int) -> None:
    """Learn late what an attempt cost, or that it cost something else."""
    with engine.runtime.database.work() as session:
        found = jobs.attempts_of(session, [job.id])[number - 1]
        held, attempt = jobs.lock_attempt(session, found.id)
        before, attempt.cost_nano, attempt.cost_final = attempt.cost_nano, nano, True
        attempt.cost_basis = attempt.cost_basis or "billable_units"
        if before is None:
            ledger.settle(session, held, attempt, NOON)
        else:
            ledger.adjust(session, held, attempt, nano - before, NOON)
        jobs.note(session, job.id, "late_verdict", NOON, attempt=number)


def _attempt(job: JobRecord, number: int, one: Try) -> AttemptRecord:
    return an_attempt(
        job,
        number=number,
        provider=one.provider,
        endpoint=f"{one.provider}-endpoint",
        status="succeeded",
        cost_nano=one.nano,
        cost_basis=None if one.nano is None else one.basis,
        cost_final=one.final and one.nano is not None,
    )


def asked(engine: Engine, names: str = "", **more: Any) -> dict[tuple[Any, ...], Sums]:  # noqa: ANN401
    """The groups of the engine's project, by their values."""
    with engine.runtime.database.work() as session:
        found = groups(session, question(engine.project_id, names, **more), most=1000)
    return {one.values: one.sums for one in found}


def question(project_id: UUID, names: str = "", **more: Any) -> Asked:  # noqa: ANN401
    """Which costs of a project are wanted, in which groups."""
    return Asked(project_id, Grouping.parse(names), **more)


def whole(engine: Engine) -> Sums:
    """All of them in one."""
    return asked(engine).get((), Sums())


def execute(runtime: Runtime, statement: str, **given: object) -> Any:  # noqa: ANN401 - what is found, if anything
    """Run one statement; answers the one value that it finds, or None."""
    with runtime.database.work() as session:
        done = session.connection().execute(text(statement), given)
        return done.scalar() if done.returns_rows else None
