"""What is due when: a narrow row for each open job, gone when it ends, so looking never grows dear."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from storage.records.columns import moment


class AgendaRecord(SQLModel, table=True):
    """When an open job must be looked at again, and who holds it until then.

    ``priority`` puts jobs that were asked for one by one before the rows of batches (``Priority.place``).

    ``next_at`` is also the lease: whoever takes the row moves it on, and if they die it comes due again.
    """

    __tablename__ = "agenda"
    __table_args__ = (
        Index(
            "agenda_looks", "provider", "next_at", postgresql_where=text("status IN ('running', 'review')")
        ),
        Index("agenda_work", "next_at", postgresql_where=text("status IN ('submitting', 'storing')")),
        Index(
            "agenda_queued",
            "provider",
            "endpoint",
            "priority",
            "next_at",
            postgresql_where=text("status = 'queued'"),
        ),
        Index(
            "agenda_out",
            "provider",
            "endpoint",
            postgresql_where=text("status = 'queued' AND owner IS NOT NULL"),
        ),
        Index(
            "agenda_flying",
            "provider",
            "endpoint",
            postgresql_where=text("status IN ('submitting', 'running')"),
        ),
        Index("agenda_by_batch", "batch_id", postgresql_where=text("batch_id IS NOT NULL")),
    )

    job_id: UUID = Field(foreign_key="jobs.id", primary_key=True)
    batch_id: UUID | None = None
    kind: str
    provider: str
    endpoint: str
    priority: int
    status: str
    owner: str | None = None
    next_at: datetime = moment(nullable=False)


class HeartbeatRecord(SQLModel, table=True):
    """When a process that owns time was last alive."""

    __tablename__ = "heartbeats"

    process: str = Field(primary_key=True)
    at: datetime = moment(nullable=False)
