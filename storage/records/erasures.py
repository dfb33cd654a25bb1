"""What is being erased and how far that has come, and for how long each project keeps what."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Column, Index, String, text
from sqlmodel import Field, SQLModel

from storage.records.columns import document, moment


class ErasureRecord(SQLModel, table=True):
    """The erasure of one job's content, or of one batch's: ``id`` is the job's or the batch's own.

    ``prompt`` and ``assets`` say what of it goes; for a batch ``assets`` means its jobs, whole. Until
    ``begun_at`` it waits for the job's end. ``keys`` are the objects that are still to be removed,
    ``removed`` counts those that were, ``provider`` holds what became of each request at its provider, and
    ``rows_to`` is the last row of a batch whose job was seen to. ``next_at`` is when it is gone on with,
    until ``done_at``.
    """

    __tablename__ = "erasures"
    __table_args__ = (Index("erasures_due", "next_at", postgresql_where=text("next_at IS NOT NULL")),)

    id: UUID = Field(primary_key=True)
    kind: str
    project_id: UUID = Field(foreign_key="projects.id")
    reason: str
    prompt: bool
    assets: bool
    keys: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(String), nullable=False))
    removed: int = 0
    provider: list[dict[str, Any]] = document()
    rows_to: int = -1
    tries: int = 0
    asked_at: datetime = moment(nullable=False)
    begun_at: datetime | None = moment()
    next_at: datetime | None = moment()
    done_at: datetime | None = moment()


class RetentionRecord(SQLModel, table=True):
    """For how many days a project keeps prompts and files; None for ever.

    ``prompts_to``, ``assets_to`` and ``sheets_to`` are the newest job and the newest batch that were past
    their time when it was looked: where to go on.
    """

    __tablename__ = "retention"

    project_id: UUID = Field(foreign_key="projects.id", primary_key=True)
    prompt_days: int | None = None
    asset_days: int | None = None
    prompts_to: UUID | None = None
    assets_to: UUID | None = None
    sheets_to: UUID | None = None
