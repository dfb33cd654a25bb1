"""Batches whose rows are read, and what became of them."""

from typing import Any
from uuid import UUID

from sqlmodel import col, select

from domain.batches import Counts
from domain.failures import ErrorCode, Failure
from domain.lifecycle import AttemptStatus, JobStatus
from services import ending
from services.batches.expanding import expand
from storage import jobs
from storage.batches import tallies
from storage.records import AgendaRecord, BatchRecord, BatchWaitRecord, EventRecord, JobRecord
from tests.support.engine import WORKER, Engine
from tests.support.sheets import upload

# Two cents a row at its only offer.
PINNED = {"model": "pair", "routing": {"provider": "linkmodel"}}


def read_batch(engine: Engine, rows: int, **fields: Any) -> UUID:  # noqa: ANN401 - columns
    """A batch of so many rows that are read and wait for their turn."""
    sheet = "prompt\n" + "".join(f"kite {n}\n" for n in range(rows))
    batch_id = upload(engine, sheet, **({"defaults": PINNED} | fields))
    expand(engine.runtime, batch_id, owner=WORKER)
    return batch_id


def sent_batch(engine: Engine, rows: int, **fields: Any) -> UUID:  # noqa: ANN401 - columns
    """A batch whose rows all run at their provider."""
    batch_id = read_batch(engine, rows, **fields)
    engine.work()
    return batch_id


def batch_record(engine: Engine, batch_id: UUID) -> BatchRecord:
    """The batch as it stands."""
    with engine.runtime.database.work() as session:
        return session.exec(select(BatchRecord).where(BatchRecord.id == batch_id)).one()


def set_batch(engine: Engine, batch_id: UUID, **fields: Any) -> None:  # noqa: ANN401 - columns
    """Have a batch stand as the test needs it."""
    with engine.runtime.database.work() as session:
        batch = session.exec(select(BatchRecord).where(BatchRecord.id == batch_id)).one()
        for name, value in fields.items():
            setattr(batch, name, value)


def batch_counts(engine: Engine, batch_id: UUID) -> Counts:
    """How many of its jobs are in each state, and its money."""
    with engine.runtime.database.work() as session:
        return tallies.counts(session, [batch_id])[batch_id]


def batch_jobs(engine: Engine, batch_id: UUID) -> list[UUID]:
    """Its jobs in the order of their rows."""
    found = select(JobRecord.id).where(JobRecord.batch_id == batch_id).order_by(col(JobRecord.row_number))
    with engine.runtime.database.work() as session:
        return list(session.exec(found))


def waiting_rows(engine: Engine, batch_id: UUID) -> list[tuple[int, str, int]]:
    """The rows that wait for their turn: their numbers, at which provider, and what will be held for each."""
    found = select(BatchWaitRecord).where(BatchWaitRecord.batch_id == batch_id)
    with engine.runtime.database.work() as session:
        rows = session.exec(found.order_by(col(BatchWaitRecord.row_number))).all()
    return [(row.row_number, row.provider, row.held_nano) for row in rows]


def rows_out(engine: Engine, batch_id: UUID) -> int:
    """How many of its rows are on the agenda."""
    found = select(AgendaRecord.job_id).where(AgendaRecord.batch_id == batch_id)
    with engine.runtime.database.work() as session:
        return len(session.exec(found).all())


def batch_told(engine: Engine, batch_id: UUID) -> list[str]:
    """The types of its own events."""
    found = select(EventRecord.type).where(EventRecord.batch_id == batch_id).order_by(col(EventRecord.id))
    with engine.runtime.database.work() as session:
        return list(session.exec(found))


def fail_job(engine: Engine, job_id: UUID, *, made: bool = False, cost_nano: int | None = 0) -> None:
    """Have a job that runs fail; ``made``: its files were made, and could not be stored."""
    with engine.runtime.database.work() as session:
        job = jobs.lock_job(session, job_id)
        attempt = jobs.last_attempt(session, job_id)
        assert job is not None
        assert attempt is not None
        attempt.cost_nano = cost_nano
        if made:
            attempt.outputs = [{"url": "https://example.com/0.png", "content_type": "image/png"}]
            jobs.move_attempt(session, attempt, AttemptStatus.STORING)
            jobs.move_job(session, job, JobStatus.STORING)
        jobs.move_attempt(session, attempt, AttemptStatus.FAILED)
        why = Failure(ErrorCode.ASSET_UNAVAILABLE if made else ErrorCode.PROVIDER_FAILED, "it failed")
        ending.end(engine.runtime, session, job, JobStatus.FAILED, why)
