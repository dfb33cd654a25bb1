"""Admitting new jobs of projects with budgets: what fits is written, the rest hears which one refuses."""

from collections.abc import Sequence
from datetime import UTC
from typing import Final
from uuid import UUID

from domain.budgets import Exceeded, Purse, Wanted
from storage import intake
from storage.budgets import standing_of
from storage.intake import Answer, Check, Connection, NewJob

_HOLD: Final = "SELECT * FROM hold_budgets($1::uuid[], $2::date[])"
_USED: Final = """
SELECT project_id, key FROM idempotency_keys
WHERE (project_id, key) IN (SELECT * FROM unnest($1::uuid[], $2::text[]))
"""


async def admit(
    connection: Connection, jobs: Sequence[tuple[NewJob, Answer | None]]
) -> list[bool | Exceeded]:
    """Write down what fits every budget that covers it, and commit; what became of each job, in their order.

    Mostly all fit together, and one statement does it. Else they are looked at one after the other. The
    budgets are held meanwhile: what two processes admit at once is admitted one after the other. A job whose
    key was used before is not written (False), and takes nothing of a budget.
    """
    written = await intake.write(connection, jobs, Check.TOGETHER)
    if written.covered:
        return [job.id in written.taken for job, _ in jobs]
    projects = {job.project_id for job, _ in jobs}
    days = sorted({job.created_at.astimezone(UTC).date() for job, _ in jobs})
    async with connection.transaction():
        held = await connection.fetch(_HOLD, sorted(projects), days)
        purse = Purse(standing_of(row) for row in held)
        return await _one_by_one(connection, purse, jobs)


async def _one_by_one(
    connection: Connection, purse: Purse, jobs: Sequence[tuple[NewJob, Answer | None]]
) -> list[bool | Exceeded]:
    used = await _used(connection, jobs)
    outcomes: dict[UUID, bool | Exceeded] = {}
    going: list[tuple[NewJob, Answer | None]] = []
    for job, answer in jobs:
        key = None if answer is None else (job.project_id, answer.key)
        refusal = None if key in used else purse.take(_wanted(job))
        outcomes[job.id] = refusal or False
        if key not in used and refusal is None:
            going.append((job, answer))
            used |= {key} if key is not None else set()
    if going:
        written = await intake.write(connection, going, Check.CHECKED)
        outcomes |= dict.fromkeys(written.taken, True)
    return [outcomes[job.id] for job, _ in jobs]


async def _used(
    connection: Connection, jobs: Sequence[tuple[NewJob, Answer | None]]
) -> set[tuple[UUID, str] | None]:
    """The keys that were used before."""
    keys = [(job.project_id, answer.key) for job, answer in jobs if answer is not None]
    if not keys:
        return set()
    found = await connection.fetch(_USED, *zip(*keys, strict=True))
    return {(UUID(str(row["project_id"])), row["key"]) for row in found}


def _wanted(job: NewJob) -> Wanted:
    return Wanted(job.project_id, job.tags, job.created_at, job.reserved_nano, known=job.price_known)
