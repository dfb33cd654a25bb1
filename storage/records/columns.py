"""The few kinds of columns that every record is made of."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Numeric
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field
from uuid_utils import compat, uuid7


def new_id() -> UUID:
    """A UUIDv7: unique without coordination, and in order of creation."""
    return compat.uuid7()


def new_id_text() -> str:
    """The same as text, for rows by the thousands: the object takes eight times as long to make."""
    return str(uuid7())


def now() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


def moment(*, nullable: bool = True, index: bool = False) -> Any:  # noqa: ANN401 - what SQLModel's Field returns
    """A time with its zone, to the microsecond."""
    column: Column[Any] = Column(DateTime(timezone=True), nullable=nullable, index=index)
    return Field(default=None if nullable else ..., sa_column=column)


def document(*, nullable: bool = False) -> Any:  # noqa: ANN401 - what SQLModel's Field returns
    """A JSON value."""
    column: Column[Any] = Column(JSONB(none_as_null=True), nullable=nullable)
    return Field(default=None if nullable else ..., sa_column=column)


def nano(*, nullable: bool = True) -> Any:  # noqa: ANN401 - what SQLModel's Field returns
    """Whole nano-dollars; null where the amount is not known."""
    column: Column[Any] = Column(BigInteger, nullable=nullable)
    return Field(default=None if nullable else ..., sa_column=column)


def exact() -> Any:  # noqa: ANN401 - what SQLModel's Field returns
    """A decimal number of any length, kept as it was written."""
    column: Column[Any] = Column(Numeric, nullable=True)
    return Field(default=None, sa_column=column)
