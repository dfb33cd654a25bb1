"""What customers are told: events exactly as they are signed, where each goes, and every try at telling."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from storage.records.columns import moment, new_id


class EventRecord(SQLModel, table=True):
    """Something that happened that a customer may be told; ``body`` is the JSON text as it is signed."""

    __tablename__ = "events"
    __table_args__ = (Index("events_by_project", "project_id", "id"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="projects.id")
    job_id: UUID | None = Field(default=None, foreign_key="jobs.id", index=True)
    batch_id: UUID | None = Field(default=None, foreign_key="batches.id")
    type: str
    body: str
    created_at: datetime = moment(nullable=False)


class DeliveryRecord(SQLModel, table=True):
    """An event on its way to one address, until it is delivered or given up."""

    __tablename__ = "deliveries"
    __table_args__ = (Index("deliveries_due", "next_at", postgresql_where=text("status = 'pending'")),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    event_id: UUID = Field(foreign_key="events.id", index=True)
    project_id: UUID = Field(foreign_key="projects.id")
    url: str
    status: str
    tries: int = 0
    owner: str | None = None
    next_at: datetime | None = moment()
    created_at: datetime = moment(nullable=False)
    ended_at: datetime | None = moment()


class DeliveryTryRecord(SQLModel, table=True):
    """One try at telling: when, what was answered, and how long that took."""

    __tablename__ = "delivery_tries"

    delivery_id: UUID = Field(foreign_key="deliveries.id", primary_key=True)
    number: int = Field(primary_key=True)
    at: datetime = moment(nullable=False)
    status_code: int | None = None
    milliseconds: int
    answer: str
    error: str | None = None
