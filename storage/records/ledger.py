"""The ledger: append-only entries in whole nano-dollars."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index
from sqlmodel import Field, SQLModel

from storage.records.columns import moment, nano


class LedgerEntryRecord(SQLModel, table=True):
    """One booking: ``reserve`` and ``release`` hold and free, ``settle`` and ``adjust`` spend.

    A ``release`` is booked as a negative amount: what is held is the sum of reserve and release, what is
    spent the sum of settle and adjust.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (
        Index("ledger_entries_by_job", "job_id"),
        Index("ledger_entries_by_project", "project_id", "at"),
    )

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    project_id: UUID = Field(foreign_key="projects.id")
    job_id: UUID = Field(foreign_key="jobs.id")
    attempt_id: UUID | None = Field(default=None, foreign_key="attempts.id")
    kind: str
    nano: int = nano(nullable=False)
    basis: str | None = None
    at: datetime = moment(nullable=False)
