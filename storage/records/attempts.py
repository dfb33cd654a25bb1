"""Attempts: each try of a job at one provider, a row of its own with its own request id and its own cost."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.records.columns import document, exact, moment, nano, new_id


class AttemptRecord(SQLModel, table=True):
    """One try at one provider, committed before its POST goes out.

    ``start_timeout`` (seconds) and ``marked`` say how it was sent: after the one it can no longer start, by
    the other it can be found in the provider's own list; ``searches`` counts the times it was looked for.
    ``spin_up_nano`` is the part of its cost that went into starting a runner, ``invoiced_nano`` what the
    provider's own billing says that it charged: no longer null, its cost is that.

    ``token`` names the attempt in the provider's webhook. ``unit_price`` and ``expected_nano`` are kept as
    they stood at submit. ``phase``, ``phase_since`` and ``phases`` (seconds) are its running clock.
    """

    __tablename__ = "attempts"
    __table_args__ = (
        UniqueConstraint("job_id", "number", name="attempts_number"),
        # Not unique: an id that a provider gives out twice is its doing, and must not lose us a paid request.
        Index("attempts_by_request", "provider", "provider_request_id"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    job_id: UUID = Field(foreign_key="jobs.id")
    number: int
    token: str = Field(unique=True)
    provider: str
    endpoint: str
    status: str
    start_timeout: int | None = None
    marked: bool = False
    arguments: dict[str, Any] = document()
    unit: str | None = None
    unit_price: Decimal | None = exact()
    expected_nano: int | None = nano()
    provider_request_id: str | None = None
    status_url: str | None = None
    response_url: str | None = None
    cancel_url: str | None = None
    price_nano: int | None = nano()
    cost_nano: int | None = nano()
    cost_basis: str | None = None
    cost_final: bool = False
    spin_up_nano: int | None = nano()
    invoiced_nano: int | None = nano()
    billed_units: Decimal | None = exact()
    error: dict[str, Any] | None = document(nullable=True)
    outputs: list[dict[str, Any]] | None = document(nullable=True)
    filtered: int = 0
    queue_position: int | None = None
    missing: int = 0
    troubles: int = 0
    store_tries: int = 0
    searches: int = 0
    cancel_effect: str | None = None
    sandbox: bool = False
    phase: str | None = None
    phase_since: datetime | None = moment()
    phases: dict[str, float] = document()
    submitted_at: datetime = moment(nullable=False)
    accepted_at: datetime | None = moment()
    detected_at: datetime | None = moment()
    ended_at: datetime | None = moment()
