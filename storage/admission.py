"""Admitting new jobs of projects with budgets: what fits is written, the rest hears which one refuses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Final
from uuid import UUID

from domain.budgets import Exceeded, Purse, Wanted
from storage import intake
from storage.budgets import standing_of
from storage.intake import Answer, Connection, NewJob

_HOLD: Final = "SELECT * FROM hold_budgets($1::uuid[], $2::date[])"
_USED: Final = """
SELECT project_id, key FROM idempotency_keys
WHERE (project_id, key) IN (SELECT * FROM unnest($1::uuid[], $2::text[]))
"""


@dataclass(frozen=True, slots=True)
class Admitted:
    """What became of each job, in their order, and the projects that have no budgets after all."""

    outcomes: list[bool | Exceeded]
    unlimited: frozenset[UUID]


async def admit(connection: Connection, jobs: Sequence[tuple[NewJob, Answer | None]]) -> Admitted:
    """Write down what fits every budget that covers it, in order, and commit.

    The budgets are held meanwhile: what two processes admit at once is admitted one after the other. A job
    whose key was used before is not written (False), and takes nothing of a budget.
    """
    projects = {job.project_id for job, _ in jobs}
    days = sorted({job.created_at.astimezone(UTC).date() for job, _ in jobs})
    async with connection.transaction():
        held = await connection.fetch(_HOLD, sorted(projects), days)
        purse = Purse(standing_of(row) for row in held)
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
            written = await intake.write(connection, going, checked=True)
            outcomes |= dict.fromkeys(written.taken, True)
    unlimited = frozenset(one for one in projects if not purse.limits(one))
    return Admitted([outcomes[job.id] for job, _ in jobs], unlimited)


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
    known = all(entry.get("high_nano") is not None for entry in job.plan)
    return Wanted(job.project_id, job.tags, job.created_at, job.reserved_nano, known=known)
