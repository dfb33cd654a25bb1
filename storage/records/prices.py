"""Prices as they became known: what providers named, when that changed, and what jobs really cost."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Numeric
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from storage.records.columns import moment, nano


class UnitPriceRecord(SQLModel, table=True):
    """What one billed unit of an endpoint costs by its provider's word, in dollars.

    ``since`` is when it was first heard of, ``at`` when it was last confirmed.
    """

    __tablename__ = "unit_prices"

    provider: str = Field(primary_key=True)
    endpoint: str = Field(primary_key=True)
    usd: Decimal = Field(sa_column=Column(Numeric, nullable=False))
    unit: str
    at: datetime = moment(nullable=False)
    since: datetime = moment(nullable=False)


class UnitPriceHistoryRecord(SQLModel, table=True):
    """A unit price that holds or held, from ``since`` until the next one of its endpoint."""

    __tablename__ = "unit_price_history"

    provider: str = Field(primary_key=True)
    endpoint: str = Field(primary_key=True)
    since: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    usd: Decimal = Field(sa_column=Column(Numeric, nullable=False))
    unit: str


class PriceEvidenceRecord(SQLModel, table=True):
    """What comparable jobs really cost at one endpoint: the newest of them, and what these come to.

    ``shape`` is what they have in common, ``price`` the name of the unit price that they were billed by
    (``domain.evidence``). ``ats``, ``nanos`` and ``spin_ups`` belong together; amounts are in nano-dollars.
    """

    __tablename__ = "price_evidence"

    provider: str = Field(primary_key=True)
    endpoint: str = Field(primary_key=True)
    sandbox: bool = Field(primary_key=True)
    shape: str = Field(primary_key=True)
    price: str = Field(primary_key=True)
    n: int
    low_nano: int = nano(nullable=False)
    p5_nano: int = nano(nullable=False)
    p95_nano: int = nano(nullable=False)
    high_nano: int = nano(nullable=False)
    work_low_nano: int = nano(nullable=False)
    work_high_nano: int = nano(nullable=False)
    pays_starts: bool
    first_at: datetime = moment(nullable=False)
    last_at: datetime = moment(nullable=False)
    ats: list[datetime] = Field(sa_column=Column(ARRAY(DateTime(timezone=True)), nullable=False))
    nanos: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    spin_ups: list[int | None] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))


class EvidenceMarkRecord(SQLModel, table=True):
    """Up to which event jobs have been taken as evidence: one row, held by who takes the next."""

    __tablename__ = "evidence_mark"

    only: bool = Field(default=True, primary_key=True)
    event_id: UUID
