"""Batches: many jobs from one file, the rows that wait their turn, what was wrong, and running counts.

What comes by the hundred thousand has no foreign keys: a batch is never deleted, and each would be looked up.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index, text
from sqlmodel import Field, SQLModel

from storage.records.columns import document, moment, nano, new_id


class BatchRecord(SQLModel, table=True):
    """Many jobs from one CSV file, which is kept in the object store under ``file_key``.

    ``header`` are the names of its columns, ``separator`` what stands between its cells. Reading goes on
    after ``read_rows`` rows, until ``read_at``. ``next_at`` is when a worker has to go on with the file (or
    with canceling), and who works on it holds it as ``owner``.
    ``quotes`` sums what the good rows may cost, by model, provider and endpoint.
    ``waiting_budget`` is the budget of the project or of a tag that its next row does not fit.
    """

    __tablename__ = "batches"
    __table_args__ = (
        Index("batches_by_project", "project_id", text("id DESC")),
        Index("batches_by_key", "project_id", "idempotency_key", unique=True),
        Index("batches_due", "next_at", postgresql_where=text("next_at IS NOT NULL")),
        Index("batches_open", "id", postgresql_where=text("ended_at IS NULL")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="projects.id")
    name: str | None = None
    state: str
    reason: str | None = None
    defaults: dict[str, Any] = document()
    priority: str
    callback_url: str | None = None
    strict: bool = False
    budget_nano: int | None = nano()
    idempotency_key: str | None = None
    fingerprint: str
    file_key: str
    file_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    file_sha256: str
    header: list[str] = document()
    separator: str
    rows: int
    read_rows: int = 0
    bad_rows: int = 0
    quotes: dict[str, Any] = document()
    sandbox: bool = False
    owner: str | None = None
    next_at: datetime | None = moment()
    created_at: datetime = moment(nullable=False)
    read_at: datetime | None = moment()
    first_sent_at: datetime | None = moment()
    ended_at: datetime | None = moment()
    erase_requested_at: datetime | None = moment()
    erased_at: datetime | None = moment()
    waiting_budget: UUID | None = None


class BatchWaitRecord(SQLModel, table=True):
    """A row of a batch whose job has not been let out: narrow, and gone when its turn has come.

    ``held_nano`` is what its job will reserve then.
    """

    __tablename__ = "batch_waits"
    __table_args__ = (Index("batch_waits_by_lane", "batch_id", "provider", "endpoint", "row_number"),)

    batch_id: UUID = Field(primary_key=True)
    row_number: int = Field(primary_key=True)
    job_id: UUID = Field(index=True)
    kind: str
    provider: str
    endpoint: str
    held_nano: int = Field(sa_column=Column(BigInteger, nullable=False))


class BatchProblemRecord(SQLModel, table=True):
    """One thing that is wrong with one row of a file; see ``domain.sheets.problems``."""

    __tablename__ = "batch_problems"

    batch_id: UUID = Field(primary_key=True)
    row_number: int = Field(primary_key=True)
    n: int = Field(primary_key=True)
    line: int
    row_id: str | None = None
    column_name: str | None = None
    code: str
    message: str
    expected: str


class BatchTallyRecord(SQLModel, table=True):
    """A change of one of a batch's counts; what a count comes to is the sum of its changes.

    ``what`` is a state of jobs, or ``held`` or ``spent`` in nano-dollars. The database itself writes them as
    jobs move and entries are booked (see the migration), so that no path can forget to. They are appended
    and summed up now and then: with a single row for each count, all who move jobs would wait for each other.
    """

    __tablename__ = "batch_tallies"
    __table_args__ = (Index("batch_tallies_by_batch", "batch_id"),)

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    batch_id: UUID
    what: str
    n: int = Field(sa_column=Column(BigInteger, nullable=False))
