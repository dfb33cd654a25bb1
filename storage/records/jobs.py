"""Jobs, the files that they made, and the events of their timeline."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index, text
from sqlmodel import Field, SQLModel

from storage.records.columns import document, exact, moment, nano, new_id


class JobRecord(SQLModel, table=True):
    """What a customer asked for: one generation, with one price and one outcome.

    ``plan`` is the ranked list of offers to try, fixed when the job was accepted; ``plan_at`` is the one
    to try next, and ``attempts`` counts the tries. ``row_number`` counts the rows of a batch's file, from 0.
    What it costs counts in the budgets' period of ``budgeted_at``: when a batch's row was let out, or a job
    retried; null is ``created_at``.
    Some of what it holds is gone since ``erase_requested_at``, all of it since ``erased_at``.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        Index("jobs_by_project", "project_id", text("id DESC")),
        Index(
            "jobs_by_batch",
            "batch_id",
            "row_number",
            unique=True,
            postgresql_where=text("batch_id IS NOT NULL"),
        ),
        Index(
            "jobs_by_deadline",
            "deadline_at",
            postgresql_where=text("deadline_at IS NOT NULL AND ended_at IS NULL"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="projects.id")
    kind: str
    model: str
    input: dict[str, Any] = document()
    routing: dict[str, Any] = document()
    tags: dict[str, str] = document()
    priority: str
    callback_url: str | None = None
    batch_id: UUID | None = None
    row_number: int | None = None
    row_id: str | None = None
    status: str
    plan: list[dict[str, Any]] = document()
    provider: str | None = None
    endpoint: str | None = None
    plan_at: int = 0
    attempts: int = 0
    quoted_nano: int | None = nano()
    reserved_nano: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    cost_nano: int | None = nano()
    cost_basis: str | None = None
    cost_final: bool = False
    error: dict[str, Any] | None = document(nullable=True)
    sandbox: bool = False
    cancel_requested_at: datetime | None = moment()
    deadline_at: datetime | None = moment()
    created_at: datetime = moment(nullable=False)
    ended_at: datetime | None = moment()
    erase_requested_at: datetime | None = moment()
    erased_at: datetime | None = moment()
    budgeted_at: datetime | None = moment()


class AssetRecord(SQLModel, table=True):
    """One stored file that a job produced; ``key`` is its place in the object store, never a link."""

    __tablename__ = "assets"

    job_id: UUID = Field(foreign_key="jobs.id", primary_key=True)
    n: int = Field(primary_key=True)
    attempt_id: UUID = Field(foreign_key="attempts.id")
    key: str
    content_type: str
    bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    sha256: str
    width: int | None = None
    height: int | None = None
    duration: Decimal | None = exact()
    sandbox: bool = False
    created_at: datetime = moment(nullable=False)


class JobEventRecord(SQLModel, table=True):
    """One step of a job's timeline."""

    __tablename__ = "job_events"
    __table_args__ = (Index("job_events_by_job", "job_id", "id"),)

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    job_id: UUID = Field(foreign_key="jobs.id")
    type: str
    attempt: int | None = None
    at: datetime = moment(nullable=False)
    data: dict[str, Any] = document()
