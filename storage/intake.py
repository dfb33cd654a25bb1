"""Writing down new jobs, many in one statement: each with its first events, its reserve and its answer."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final, Protocol
from uuid import UUID

from pydantic_core import to_json

from domain.generation import Priority
from domain.lifecycle import JobStatus
from storage.agenda import NEW_JOB, WAKE_CHANNEL
from storage.records.columns import new_id

# One statement is one transaction, and one trip: nothing of it is seen before all of it is committed. A key
# that another request has used, or uses in this very batch, keeps its job out; sorted, so that two batches
# with the same keys wait for each other in one order. Jobs of projects with budgets are left out unless they
# fit, all of them together or as whoever asks has found.
_WRITE: Final = """
WITH came AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS came(
        id uuid, project_id uuid, kind text, model text, input jsonb, routing jsonb, tags jsonb,
        priority text, rank int, callback_url text, plan jsonb, provider text, endpoint text,
        quoted_nano bigint, reserved_nano bigint, price_known bool, sandbox bool, deadline_at timestamptz,
        created_at timestamptz, said jsonb, key text, fingerprint text, answer jsonb)
), covered AS MATERIALIZED (
    SELECT CASE $4 WHEN 'unlimited' THEN false WHEN 'checked' THEN true
        ELSE (SELECT budgets_cover(array_agg(project_id), array_agg(tags), array_agg(reserved_nano),
            array_agg(price_known), array_agg(created_at)) FROM came) END AS yes
), budgeted AS MATERIALIZED (
    SELECT DISTINCT project_id FROM budgets
    WHERE NOT (SELECT yes FROM covered) AND project_id = ANY(ARRAY(SELECT project_id FROM came))
), given AS MATERIALIZED (
    SELECT * FROM came
    WHERE project_id NOT IN (SELECT project_id FROM budgeted)
        AND ($4 <> 'together' OR (SELECT yes FROM covered))
), answered AS (
    INSERT INTO idempotency_keys (project_id, key, fingerprint, job_id, answer, created_at)
    SELECT project_id, key, fingerprint, id, answer, created_at FROM given WHERE key IS NOT NULL
    ORDER BY project_id, key
    ON CONFLICT DO NOTHING
    RETURNING job_id
), taken AS (
    INSERT INTO jobs (
        id, project_id, kind, model, input, routing, tags, priority, callback_url, status, plan, provider,
        endpoint, plan_at, attempts, quoted_nano, reserved_nano, cost_final, sandbox, deadline_at, created_at)
    SELECT
        id, project_id, kind, model, input, routing, tags, priority, callback_url, 'queued', plan, provider,
        endpoint, 0, 0, quoted_nano, reserved_nano, false, sandbox, deadline_at, created_at
    FROM given WHERE key IS NULL OR id IN (SELECT job_id FROM answered)
    RETURNING id
), noted AS (
    INSERT INTO job_events (job_id, type, at, data)
    SELECT id, step.type, created_at, CASE step.type WHEN 'accepted' THEN said ELSE '{}'::jsonb END
    FROM given JOIN taken USING (id) CROSS JOIN (VALUES (1, 'accepted'), (2, 'queued')) AS step (n, type)
    ORDER BY id, step.n
), held AS (
    INSERT INTO ledger_entries (project_id, job_id, kind, nano, basis, at)
    SELECT project_id, id, 'reserve', reserved_nano, 'quote', created_at
    FROM given JOIN taken USING (id) WHERE reserved_nano <> 0
), due AS (
    INSERT INTO agenda (job_id, kind, provider, endpoint, priority, status, next_at)
    SELECT id, kind, provider, endpoint, rank, 'queued', created_at FROM given JOIN taken USING (id)
)
SELECT array_agg(id) AS taken, (SELECT array_agg(project_id) FROM budgeted) AS budgeted,
    (SELECT yes FROM covered) AS covered,
    pg_notify($2, $3) FROM taken
"""

_ANSWERED: Final = """
SELECT job_id, fingerprint, answer FROM idempotency_keys WHERE project_id = $1 AND key = $2
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request with an ``Idempotency-Key`` is answered, as JSON text, now and when it is repeated."""

    key: str
    fingerprint: str
    text: str


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job of its own that nobody has written down yet; its fields are named like the record's.

    ``said`` is what its first event tells. The rows of batches are copied in (``storage.batches.reading``).
    """

    project_id: UUID
    kind: str
    model: str
    input: Mapping[str, Any]
    routing: Mapping[str, Any]
    plan: Sequence[Mapping[str, Any]]
    provider: str
    endpoint: str
    said: Mapping[str, Any]
    created_at: datetime
    tags: Mapping[str, str] = field(default_factory=dict)
    priority: Priority = Priority.NORMAL
    callback_url: str | None = None
    quoted_nano: int | None = None
    reserved_nano: int = 0
    sandbox: bool = False
    deadline_at: datetime | None = None
    id: UUID = field(default_factory=new_id)

    batch_id: ClassVar[None] = None
    row_id: ClassVar[None] = None
    status: ClassVar[JobStatus] = JobStatus.QUEUED
    plan_at: ClassVar[int] = 0
    cancel_requested_at: ClassVar[None] = None
    ended_at: ClassVar[None] = None
    erase_requested_at: ClassVar[None] = None
    erased_at: ClassVar[None] = None
    error: ClassVar[None] = None

    @property
    def price_known(self) -> bool:
        """Whether it is known of every offer of the plan what it costs at most."""
        return all(entry.get("high_nano") is not None for entry in self.plan)


class Connection(Protocol):
    """What these statements need of an asynchronous connection to the database."""

    async def fetch(self, query: str, *args: object) -> Sequence[Mapping[str, Any]]:
        """Every row."""
        ...

    async def fetchrow(self, query: str, *args: object) -> Mapping[str, Any] | None:
        """The first row."""
        ...

    async def fetchval(self, query: str, *args: object) -> Any:  # noqa: ANN401 - what the column holds
        """The first column of the first row."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[object]:
        """What is asked within is committed at its end, or not at all."""
        ...


class Check(StrEnum):
    """Which jobs are written: those of projects without budgets, all if all fit together, or all."""

    UNLIMITED = "unlimited"
    TOGETHER = "together"
    CHECKED = "checked"


@dataclass(frozen=True, slots=True)
class Written:
    """The jobs that were written, and the projects whose jobs were left out for their budgets.

    ``covered``: all fitted together, or were checked. Where they were to fit and do not, nothing is written.
    """

    taken: frozenset[UUID]
    budgeted: frozenset[UUID]
    covered: bool


async def write(
    connection: Connection,
    jobs: Sequence[tuple[NewJob, Answer | None]],
    check: Check = Check.UNLIMITED,
) -> Written:
    """Write down the jobs that ``check`` lets through, all or none, but for those whose key was used."""
    rows = b",".join(_row(job, answer) for job, answer in jobs)
    found = await connection.fetchrow(_WRITE, f"[{rows.decode()}]", WAKE_CHANNEL, NEW_JOB, check.value) or {}
    return Written(
        frozenset(found["taken"] or ()), frozenset(found["budgeted"] or ()), covered=found["covered"]
    )


async def answered(connection: Connection, project_id: UUID, key: str) -> tuple[UUID, Answer] | None:
    """The job and the answer that were given under the key."""
    found = await connection.fetchrow(_ANSWERED, project_id, key)
    return None if found is None else (found["job_id"], Answer(key, found["fingerprint"], found["answer"]))


def _row(job: NewJob, answer: Answer | None) -> bytes:
    """The job as a JSON object: an array for each of so many columns takes twice as long to hand over."""
    row = to_json(
        {
            "id": job.id,
            "project_id": job.project_id,
            "kind": job.kind,
            "model": job.model,
            "input": job.input,
            "routing": job.routing,
            "tags": job.tags,
            "priority": job.priority,
            "rank": job.priority.place(in_batch=False),
            "callback_url": job.callback_url,
            "plan": job.plan,
            "provider": job.provider,
            "endpoint": job.endpoint,
            "quoted_nano": job.quoted_nano,
            "reserved_nano": job.reserved_nano,
            "price_known": job.price_known,
            "sandbox": job.sandbox,
            "deadline_at": job.deadline_at,
            "created_at": job.created_at,
            "said": job.said,
            "key": None if answer is None else answer.key,
            "fingerprint": None if answer is None else answer.fingerprint,
        }
    )
    # The answer is JSON as it stands.
    return row if answer is None else b'%b,"answer":%b}' % (row[:-1], answer.text.encode())
