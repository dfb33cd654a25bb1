"""Queued jobs on their way out: read with what their submit needs, and moved with their attempts at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from storage.steps.rows import rows

# The watcher's own claim is no obstacle: it ends with the note that brought the caller here. A note that
# comes late or twice finds nothing due, so it cannot shorten a wait that was decided on.
_FREE: Final = "(agenda.next_at <= :now OR agenda.owner LIKE 'watcher:%' OR agenda.owner = :owner)"

_WAITING: Final = text(
    f"""
    SELECT jobs.id AS job_id, jobs.kind, jobs.model, jobs.input, jobs.routing, jobs.priority,
        jobs.plan -> jobs.plan_at AS entry, jobs.plan_at, jobs.attempts,
        COALESCE(jobs.deadline_at <= :now, false) AS late,
        jobs.cancel_requested_at IS NOT NULL AS unwanted,
        COALESCE(lanes.marker_refused, false) AS marker_refused,
        unit_prices.usd AS known_usd, unit_prices.unit AS known_unit, unit_prices.at AS known_at
    FROM jobs JOIN agenda ON agenda.job_id = jobs.id
    LEFT JOIN lanes ON lanes.provider = jobs.provider AND lanes.endpoint = jobs.endpoint
    LEFT JOIN unit_prices
        ON unit_prices.provider = jobs.provider AND unit_prices.endpoint = jobs.endpoint
    WHERE jobs.id = ANY(CAST(:ids AS uuid[])) AND jobs.status = 'queued' AND {_FREE}
    ORDER BY jobs.id
    """  # noqa: S608 - made of constants
)

_BEGIN: Final = text(
    f"""
    WITH given AS (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS row(
            id uuid, job_id uuid, number integer, plan_at integer, token text, provider text, endpoint text,
            start_timeout integer, marked boolean, arguments jsonb, unit text, unit_price numeric,
            expected_nano bigint)
    ), free AS (
        SELECT jobs.id FROM given
        JOIN jobs ON jobs.id = given.job_id JOIN agenda ON agenda.job_id = jobs.id
        WHERE jobs.status = 'queued' AND jobs.plan_at = given.plan_at AND jobs.attempts = given.number - 1
            AND jobs.cancel_requested_at IS NULL AND {_FREE}
            -- Once more, by what the planner can count: rows of JSON it takes for a hundred.
            AND agenda.job_id = ANY(CAST(:ids AS uuid[]))
        FOR UPDATE OF jobs, agenda SKIP LOCKED
    ), moved AS (
        UPDATE jobs SET status = 'submitting', attempts = given.number
        FROM given JOIN free ON free.id = given.job_id
        WHERE jobs.id = given.job_id AND jobs.status = 'queued'
        RETURNING jobs.id
    ), held AS (
        UPDATE agenda SET status = 'submitting', owner = :owner, next_at = :until
        FROM moved WHERE agenda.job_id = moved.id
    )
    INSERT INTO attempts (
        id, job_id, number, token, provider, endpoint, status, start_timeout, marked, arguments, unit,
        unit_price, expected_nano, cost_final, filtered, missing, troubles, store_tries, searches, sandbox,
        phases, submitted_at)
    SELECT given.id, given.job_id, given.number, given.token, given.provider, given.endpoint, 'submitting',
        given.start_timeout, given.marked, given.arguments, given.unit, given.unit_price,
        given.expected_nano, false, 0, 0, 0, 0, 0, false, '{{}}', :now
    FROM given JOIN moved ON moved.id = given.job_id
    RETURNING job_id
    """  # noqa: S608 - made of constants
)

_PUT_BACK: Final = text(
    f"""
    WITH given AS (
        SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:times AS timestamptz[])) AS row(job_id, next_at)
    ), free AS (
        SELECT agenda.job_id, given.next_at FROM given JOIN agenda ON agenda.job_id = given.job_id
        WHERE agenda.status = 'queued' AND {_FREE}
        FOR UPDATE OF agenda SKIP LOCKED
    )
    UPDATE agenda SET owner = NULL, next_at = free.next_at FROM free WHERE agenda.job_id = free.job_id
    """  # noqa: S608 - made of constants
)

_REFUSE_MARKER: Final = text(
    """
    INSERT INTO lanes (provider, endpoint, troubles, took, started, marker_refused)
    VALUES (:provider, :endpoint, 0, '{}', '{}', true)
    ON CONFLICT (provider, endpoint) DO UPDATE SET marker_refused = true
    """
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queued job whose turn has come; ``entry`` is its plan's offer to try.

    ``late`` once its deadline has passed, ``unwanted`` when it was to be canceled. ``marker_refused`` when
    the endpoint takes no field of ours. The known price is what the provider named last.
    """

    job_id: UUID
    kind: str
    model: str
    input: dict[str, Any]
    routing: dict[str, Any]
    priority: str
    entry: dict[str, Any]
    plan_at: int
    attempts: int
    late: bool
    unwanted: bool
    marker_refused: bool
    known_usd: Decimal | None
    known_unit: str | None
    known_at: datetime | None


@dataclass(frozen=True, slots=True)
class Intent:
    """An attempt as it is committed before its POST goes out; see ``AttemptRecord``."""

    id: UUID
    job_id: UUID
    number: int
    plan_at: int
    token: str
    provider: str
    endpoint: str
    start_timeout: int
    marked: bool
    arguments: dict[str, Any]
    unit: str | None
    unit_price: Decimal | None
    expected_nano: int | None


def waiting(session: Session, job_ids: Sequence[UUID], *, owner: str, now: datetime) -> Sequence[Waiting]:
    """Those of the jobs that are queued, due or let out to ``owner``, and held by nobody else."""
    given = {"ids": list(job_ids), "owner": owner, "now": now}
    return [Waiting(*row) for row in session.connection().execute(_WAITING, given)]


def begin(
    session: Session, intents: Sequence[Intent], *, owner: str, now: datetime, until: datetime
) -> set[UUID]:
    """Move jobs to ``submitting``, each with its attempt and ``owner``'s lease; answers which have moved.

    A job that another worker holds, or that is no longer as its intent saw it, is left alone.
    """
    ids = [intent.job_id for intent in intents]
    given = {"rows": rows(intents), "ids": ids, "owner": owner, "now": now, "until": until}
    return {row.job_id for row in session.connection().execute(_BEGIN, given)}


def put_back(session: Session, times: Sequence[tuple[UUID, datetime]], *, owner: str, now: datetime) -> None:
    """Give queued jobs back to be let out again, each at its time."""
    ids, moments = zip(*times, strict=True)
    given = {"ids": list(ids), "times": list(moments), "owner": owner, "now": now}
    session.connection().execute(_PUT_BACK, given)


def refuse_marker(session: Session, *, provider: str, endpoint: str) -> None:
    """Remember that an endpoint takes no field of ours in its input."""
    session.connection().execute(_REFUSE_MARKER, {"provider": provider, "endpoint": endpoint})
