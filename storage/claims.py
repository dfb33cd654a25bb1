"""Claims on the agenda: what is due is taken by lease, each kind of row by an index of its own."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from domain.generation import Priority
from domain.lanes import Lane

# The states are literal, so that the planner sees which partial index serves.
_CLAIM_LOOKS: Final = text(
    """
    WITH budget AS (
        SELECT LEAST(:burst, COALESCE(look_tokens, :burst)
            + :rate * GREATEST(EXTRACT(EPOCH FROM :now - COALESCE(look_tokens_at, :now)), 0)) AS tokens
        FROM lanes WHERE provider = :provider AND endpoint = ''
        FOR UPDATE
    ), claimed AS (
        UPDATE agenda SET next_at = :until, owner = :owner
        WHERE job_id = ANY(ARRAY(
            SELECT job_id FROM agenda
            WHERE provider = :provider AND status IN ('running', 'review') AND next_at <= :now
            ORDER BY next_at
            LIMIT GREATEST(LEAST(:most, (SELECT FLOOR(tokens) FROM budget)), 0)
            FOR UPDATE SKIP LOCKED))
        RETURNING job_id
    ), spent AS (
        UPDATE lanes
        SET look_tokens = (SELECT tokens FROM budget) - (SELECT count(*) FROM claimed), look_tokens_at = :now
        WHERE provider = :provider AND endpoint = '' AND EXISTS (SELECT 1 FROM claimed)
    )
    SELECT job_id FROM claimed
    """
)
_CLAIM_WORK: Final = text(
    """
    UPDATE agenda SET next_at = :until, owner = :owner
    WHERE job_id = ANY(ARRAY(
        SELECT job_id FROM agenda
        WHERE status IN ('submitting', 'storing') AND next_at <= :now
        ORDER BY next_at LIMIT :most
        FOR UPDATE SKIP LOCKED))
    RETURNING job_id, kind, status, batch_id IS NOT NULL AS of_batch
    """
)
_LET_OUT: Final = text(
    """
    WITH single AS (
        SELECT job_id, priority, next_at FROM agenda
        WHERE provider = :provider AND endpoint = :endpoint AND status = 'queued' AND next_at <= :now
            AND priority = ANY(CAST(:singles AS int[]))
        ORDER BY priority, next_at LIMIT :most
        FOR UPDATE SKIP LOCKED
    ), of_batch AS (
        SELECT job_id, priority, next_at FROM agenda
        WHERE provider = :provider AND endpoint = :endpoint AND status = 'queued' AND next_at <= :now
            AND priority = ANY(CAST(:rows AS int[]))
        ORDER BY priority, next_at LIMIT :most_rows
        FOR UPDATE SKIP LOCKED
    )
    UPDATE agenda SET next_at = :until, owner = :owner
    WHERE job_id = ANY(ARRAY(
        SELECT job_id FROM (SELECT * FROM single UNION ALL SELECT * FROM of_batch) AS due
        ORDER BY priority, next_at LIMIT :most))
    RETURNING job_id, kind, status, batch_id IS NOT NULL AS of_batch
    """
)
_PLACES: Final = {
    "singles": [priority.place(in_batch=False) for priority in Priority],
    "rows": [priority.place(in_batch=True) for priority in Priority],
}
# One step in the index for each lane, however many rows wait in it.
_QUEUED_LANES: Final = text(
    """
    WITH RECURSIVE lane AS (
        (SELECT provider, endpoint FROM agenda WHERE status = 'queued'
            ORDER BY provider, endpoint LIMIT 1)
        UNION ALL
        SELECT next.provider, next.endpoint FROM lane, LATERAL (
            SELECT provider, endpoint FROM agenda
            WHERE status = 'queued' AND (provider, endpoint) > (lane.provider, lane.endpoint)
            ORDER BY provider, endpoint LIMIT 1) AS next
    )
    SELECT provider, endpoint FROM lane
    WHERE EXISTS (
        SELECT 1 FROM agenda WHERE agenda.provider = lane.provider AND agenda.endpoint = lane.endpoint
            AND status = 'queued' AND next_at <= :now)
    """
)
# Of one provider: what is being sent just now, or about to be.
_SENDING: Final = text(
    """
    SELECT EXISTS (
        SELECT 1 FROM agenda
        WHERE provider = :provider AND (
            (status = 'submitting' AND owner LIKE 'worker:%')
            OR (status = 'queued' AND owner IS NOT NULL AND next_at > :now)))
    """
)
_FLYING: Final = text(
    """
    SELECT provider, endpoint, count(*) AS many FROM agenda
    WHERE status IN ('submitting', 'running')
    GROUP BY provider, endpoint
    """
)
_OUT: Final = text(
    """
    SELECT provider, endpoint, count(*) AS many FROM agenda
    WHERE status = 'queued' AND owner IS NOT NULL AND next_at > :now
    GROUP BY provider, endpoint
    """
)
# What is on its way to a cold endpoint: since when, how many, and whether others are ahead of any of it.
_PIONEERS: Final = text(
    """
    SELECT count(*) AS many, min(attempts.submitted_at) AS since, max(attempts.queue_position) AS behind
    FROM agenda JOIN attempts USING (job_id)
    WHERE agenda.provider = :provider AND agenda.endpoint = :endpoint
        AND agenda.status IN ('submitting', 'running') AND attempts.status IN ('submitting', 'running')
    """
)
_DECIDE: Final = text("SELECT pg_try_advisory_xact_lock(:key)")
_DECIDING_KEY: Final = 4_107_001


@dataclass(frozen=True, slots=True)
class Due:
    """An open job whose time has come, and its state; ``of_batch`` when it is the row of a batch."""

    job_id: UUID
    kind: str
    status: str
    of_batch: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """Who takes rows, when, and until when they are theirs."""

    owner: str
    now: datetime
    seconds: float

    def values(self) -> dict[str, Any]:
        """The parameters of every claim."""
        return {"owner": self.owner, "now": self.now, "until": self.now + timedelta(seconds=self.seconds)}


@dataclass(frozen=True, slots=True)
class Pioneers:
    """What is on its way to a cold endpoint: how many requests, since when, and how far back in its queue."""

    count: int
    since: datetime | None
    behind: int | None


def claim_looks(
    session: Session, provider: str, lease: Lease, *, most: int, per_second: float
) -> Sequence[UUID]:
    """Take up to ``most`` open requests of a provider that are due for a look, within its rate for all."""
    rate = {"rate": per_second, "burst": max(per_second, 1.0)}
    rows = session.connection().execute(
        _CLAIM_LOOKS, lease.values() | {"provider": provider, "most": most} | rate
    )
    return [row.job_id for row in rows]


def claim_work(session: Session, lease: Lease, *, most: int) -> Sequence[Due]:
    """Take up to ``most`` due rows that are being sent (their worker died) or stored."""
    rows = session.connection().execute(_CLAIM_WORK, lease.values() | {"most": most})
    return [Due(row.job_id, row.kind, row.status, row.of_batch) for row in rows]


def let_out(session: Session, lane: Lane, lease: Lease, *, most: int, rows: int) -> Sequence[Due]:
    """Take up to ``most`` due jobs that wait for one endpoint, the urgent ones first; ``rows`` of batches."""
    where = {"provider": lane.provider, "endpoint": lane.endpoint, "most": most, "most_rows": rows}
    found = session.connection().execute(_LET_OUT, lease.values() | where | _PLACES)
    return [Due(row.job_id, row.kind, row.status, row.of_batch) for row in found]


def deciding(session: Session) -> bool:
    """Whether this unit of work is the one that lets jobs out; one does at a time, on all machines."""
    return bool(session.connection().execute(_DECIDE, {"key": _DECIDING_KEY}).scalar())


def queued_lanes(session: Session, now: datetime) -> list[Lane]:
    """Every lane with a queued row that is due."""
    rows = session.connection().execute(_QUEUED_LANES, {"now": now})
    return [Lane(row.provider, row.endpoint) for row in rows]


def flying(session: Session) -> Counter[Lane]:
    """How many requests are being sent or run in each lane."""
    rows = session.connection().execute(_FLYING)
    return Counter({Lane(row.provider, row.endpoint): row.many for row in rows})


def out(session: Session, now: datetime) -> Counter[Lane]:
    """How many jobs of each lane are let out and not begun."""
    rows = session.connection().execute(_OUT, {"now": now})
    return Counter({Lane(row.provider, row.endpoint): row.many for row in rows})


def sending(session: Session, provider: str, now: datetime) -> bool:
    """Whether anything is being sent to a provider just now, or about to be."""
    return bool(session.connection().execute(_SENDING, {"provider": provider, "now": now}).scalar())


def pioneers(session: Session, lane: Lane) -> Pioneers:
    """What is on its way to a cold endpoint."""
    where = {"provider": lane.provider, "endpoint": lane.endpoint}
    row = session.connection().execute(_PIONEERS, where).one()
    return Pioneers(row.many, row.since, row.behind)
