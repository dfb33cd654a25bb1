"""Rows of batches that wait their turn: which batches and lanes have some, and letting the first ones out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from domain.batches import LETS_OUT
from domain.generation import Priority
from domain.lanes import Lane

_STATES: Final = ", ".join(f"'{state.value}'" for state in LETS_OUT)

_OPEN: Final = text(
    f"""
    SELECT id, project_id, priority, budget_nano, waiting_budget FROM batches
    WHERE ended_at IS NULL AND state IN ({_STATES}) AND (read_at IS NOT NULL OR NOT strict)
        AND EXISTS (SELECT FROM batch_waits WHERE batch_id = batches.id)
    ORDER BY id
    """  # noqa: S608 - made of constants
)
# One step in the index for each lane of a batch, however many rows wait there.
_LANES: Final = text(
    """
    SELECT wanted.id AS batch_id, lane.provider, lane.endpoint
    FROM unnest(CAST(:ids AS uuid[])) AS wanted(id), LATERAL (
        WITH RECURSIVE lane AS (
            (SELECT provider, endpoint FROM batch_waits WHERE batch_id = wanted.id
                ORDER BY provider, endpoint LIMIT 1)
            UNION ALL
            SELECT next.provider, next.endpoint FROM lane, LATERAL (
                SELECT provider, endpoint FROM batch_waits
                WHERE batch_id = wanted.id AND (provider, endpoint) > (lane.provider, lane.endpoint)
                ORDER BY provider, endpoint LIMIT 1) AS next)
        SELECT provider, endpoint FROM lane) AS lane
    ORDER BY lane.provider, lane.endpoint, wanted.id
    """
)
_OUT: Final = text(
    """
    SELECT batch_id, provider, endpoint, count(*) FILTER (WHERE status = 'queued') AS queued, count(*) AS all
    FROM agenda WHERE batch_id IS NOT NULL AND status <> 'review' GROUP BY batch_id, provider, endpoint
    """
)
# Who else holds a job is about to end it: it is left alone. What a row may cost is held from here on, and its
# deadline counts from here.
_LET_OUT: Final = text(
    """
    WITH next AS (
        SELECT job_id, row_number, sum(held_nano) OVER (ORDER BY row_number) AS upto FROM (
            SELECT * FROM batch_waits
            WHERE batch_id = :batch_id AND provider = :provider AND endpoint = :endpoint
                AND job_id = ANY(COALESCE(CAST(:only AS uuid[]), ARRAY[job_id]))
            ORDER BY row_number LIMIT :most) AS first
    ), free AS (
        SELECT jobs.id FROM next JOIN jobs ON jobs.id = next.job_id
        WHERE upto <= COALESCE(CAST(:left AS bigint), upto) AND jobs.status = 'queued'
        ORDER BY jobs.id FOR UPDATE OF jobs SKIP LOCKED
    ), gone AS (
        -- By the job alone: told the batch, too, the planner would read all that waits for each row.
        DELETE FROM batch_waits USING free WHERE batch_waits.job_id = free.id
        RETURNING batch_waits.*
    ), held AS (
        UPDATE jobs SET reserved_nano = reserved_nano + gone.held_nano, budgeted_at = :now,
            deadline_at = :now + CAST(routing ->> 'deadline' AS integer) * interval '1 second'
        FROM gone WHERE jobs.id = gone.job_id
        RETURNING jobs.id, jobs.project_id, jobs.attempts, jobs.created_at, jobs.priority, gone.kind,
            gone.row_number, gone.provider, gone.endpoint, gone.held_nano
    ), booked AS (
        INSERT INTO ledger_entries (project_id, job_id, kind, nano, basis, at)
        SELECT project_id, id, 'reserve', held_nano, 'quote', :now FROM held WHERE held_nano <> 0
    ), noted AS (
        INSERT INTO job_events (job_id, type, at, data)
        SELECT id, step.type, step.at, '{}'::jsonb FROM held CROSS JOIN LATERAL (VALUES
            (1, 'accepted', created_at), (2, 'queued', CAST(:now AS timestamptz))) AS step(n, type, at)
        WHERE step.n = 2 OR attempts = 0 ORDER BY row_number, step.n
    ), due AS (
        INSERT INTO agenda (job_id, batch_id, kind, provider, endpoint, priority, status, next_at)
        SELECT id, :batch_id, kind, provider, endpoint,
            CASE priority WHEN 'high' THEN 1 WHEN 'normal' THEN 3 ELSE 5 END, 'queued', :now FROM held
    )
    SELECT count(*) AS many, CAST(COALESCE(sum(held_nano), 0) AS bigint) AS held,
        COALESCE((SELECT min(upto) FROM next) > CAST(:left AS bigint), false) AS short
    FROM held
    """
)
_NEXT: Final = text(
    """
    SELECT held_nano, jobs.id, tags, reserved_nano, COALESCE(budgeted_at, created_at) AS since FROM (
        SELECT * FROM batch_waits
        WHERE batch_id = :batch_id AND provider = :provider AND endpoint = :endpoint
        ORDER BY row_number LIMIT :most) AS first
    JOIN jobs ON jobs.id = first.job_id WHERE jobs.status = 'queued'
    ORDER BY first.row_number FOR UPDATE OF jobs SKIP LOCKED
    """
)
# Whoever holds the batch is about to change it: the next turn says it then.
_WAITS_FOR: Final = text(
    """
    UPDATE batches SET waiting_budget = :budget WHERE id IN (
        SELECT id FROM batches WHERE id = :id AND waiting_budget IS DISTINCT FROM :budget
        FOR NO KEY UPDATE SKIP LOCKED)
    """
)
_DROP: Final = text("DELETE FROM batch_waits WHERE job_id = :job_id")
_BEGUN: Final = text(
    "UPDATE batches SET first_sent_at = :now WHERE id = ANY(CAST(:ids AS uuid[])) AND first_sent_at IS NULL"
)


@dataclass(frozen=True, slots=True)
class Turn:
    """A batch that has rows to let out."""

    id: UUID
    project_id: UUID
    priority: Priority
    budget_nano: int | None
    waiting_budget: UUID | None = None


@dataclass(frozen=True, slots=True)
class NextRow:
    """A row that would be let out next: its job, what it may cost, and what is held for it from before."""

    job_id: UUID
    nano: int
    tags: Mapping[str, str]
    reserved_nano: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Out:
    """How many rows of one batch are out in one lane: those that are not sent yet, and all."""

    batch_id: UUID
    lane: Lane
    queued: int
    all: int


@dataclass(frozen=True, slots=True)
class LetOut:
    """How many rows were let out, what is held for them, and whether the first was too dear (``short``)."""

    many: int
    held_nano: int
    short: bool


def open_turns(session: Session) -> list[Turn]:
    """The batches with rows that may be let out, the oldest first."""
    rows = session.connection().execute(_OPEN)
    return [
        Turn(row.id, row.project_id, Priority(row.priority), row.budget_nano, row.waiting_budget)
        for row in rows
    ]


def waiting_lanes(session: Session, batch_ids: Sequence[UUID]) -> list[tuple[UUID, Lane]]:
    """Every lane in which a row of one of the batches waits, with the batch."""
    rows = session.connection().execute(_LANES, {"ids": list(batch_ids)})
    return [(row.batch_id, Lane(row.provider, row.endpoint)) for row in rows]


def out(session: Session) -> list[Out]:
    """What is out of all batches."""
    rows = session.connection().execute(_OUT)
    return [Out(row.batch_id, Lane(row.provider, row.endpoint), row.queued, row.all) for row in rows]


def next_rows(session: Session, batch_id: UUID, lane: Lane, *, most: int) -> list[NextRow]:
    """The rows that a batch would let out next, in their order; held until the unit of work ends."""
    given = {"batch_id": batch_id, "provider": lane.provider, "endpoint": lane.endpoint, "most": most}
    return [
        NextRow(row.id, row.held_nano, row.tags, row.reserved_nano, row.since)
        for row in session.connection().execute(_NEXT, given)
    ]


def waits_for(session: Session, batch_id: UUID, budget_id: UUID | None) -> None:
    """Note which budget the next row of a batch does not fit; None: it waits for no budget."""
    session.connection().execute(_WAITS_FOR, {"id": batch_id, "budget": budget_id})


def let_out(
    session: Session,
    batch_id: UUID,
    lane: Lane,
    *,
    most: int,
    left_nano: int | None,
    now: datetime,
    only: Sequence[UUID] | None = None,
) -> LetOut:
    """Put a batch's next rows on the agenda, in their order.

    At most ``most``, none beyond ``left_nano``, and ``only`` these jobs', which None leaves open.
    """
    given = {
        "batch_id": batch_id,
        "provider": lane.provider,
        "endpoint": lane.endpoint,
        "most": most,
        "left": left_nano,
        "only": None if only is None else list(only),
        "now": now,
    }
    row = session.connection().execute(_LET_OUT, given).one()
    return LetOut(row.many, row.held, row.short)


def drop(session: Session, job_id: UUID) -> None:
    """Have a row wait no more whose job has ended before its turn."""
    session.connection().execute(_DROP, {"job_id": job_id})


def begun(session: Session, batch_ids: Sequence[UUID], now: datetime) -> None:
    """Note when a batch's first rows were let out."""
    session.connection().execute(_BEGUN, {"ids": list(batch_ids), "now": now})
