"""What jobs cost, summed by day; see ``storage.costs``."""

from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class _Sums(SQLModel):
    """What is summed: ``priced`` and ``invoiced`` count attempts, the other counts are of jobs."""

    jobs: int = Field(sa_type=BigInteger)
    priced: int = Field(sa_type=BigInteger)
    unknown: int = Field(sa_type=BigInteger)
    not_final: int = Field(sa_type=BigInteger)
    over_max: int = Field(sa_type=BigInteger)
    invoiced: int = Field(sa_type=BigInteger)
    held_nano: int = Field(sa_type=BigInteger)
    spent_nano: int = Field(sa_type=BigInteger)
    spin_up_nano: int = Field(sa_type=BigInteger)
    invoiced_nano: int = Field(sa_type=BigInteger)


class _Day(_Sums):
    """What is told apart; ``id`` is made of all of it."""

    id: UUID = Field(primary_key=True)
    project_id: UUID
    day: date
    provider: str | None = None
    endpoint: str | None = None
    model: str
    kind: str
    status: str
    basis: str | None = None
    sandbox: bool


class CostDayRecord(_Day, table=True):
    """What the jobs of a day come to that have all of these columns in common."""

    __tablename__ = "cost_days"
    __table_args__ = (Index("cost_days_by_project", "project_id", "day"),)


class CostTagDayRecord(_Day, table=True):
    """The same with batches and tags told apart: as many rows as there are different ones."""

    __tablename__ = "cost_tag_days"
    __table_args__ = (Index("cost_tag_days_by_project", "project_id", "day"),)

    batch_id: UUID | None = None
    tags: dict[str, str] = Field(sa_type=JSONB)


class CostShareRecord(_Sums, table=True):
    """What a job has added to the sums of a day: taken back before what it comes to now is added."""

    __tablename__ = "cost_shares"

    job_id: UUID = Field(primary_key=True)
    day_id: UUID = Field(primary_key=True)
    tag_day_id: UUID


class CostMarkRecord(SQLModel, table=True):
    """How far the timelines' events are summed (``done_to``), and the last look at how far they go.

    Every event up to ``seen_to`` was written by a transaction with a number below ``seen_before``.
    """

    __tablename__ = "cost_mark"

    only: bool = Field(default=True, primary_key=True)
    done_to: int = Field(sa_type=BigInteger)
    seen_to: int = Field(sa_type=BigInteger)
    seen_before: int = Field(sa_type=BigInteger)
