"""What providers billed: attempts that they are still asked about, and those where it was another amount."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from storage.records.columns import exact, moment, nano


class InvoiceRecord(SQLModel, table=True):
    """An attempt whose provider is asked what it charged at ``next_at``; None once nobody is asked any more.

    ``why`` names what is to be told of it (``domain.billing``), noticed at ``since``; what was billed as it
    was booked has none, and leaves the table. ``booked_nano`` is what was booked before the bill came;
    ``looks`` counts the answers. The other columns are the bill's.
    """

    __tablename__ = "invoices"
    __table_args__ = (
        Index("invoices_due", "provider", "next_at", postgresql_where=text("next_at IS NOT NULL")),
        Index("invoices_different", "project_id", "attempt_id", postgresql_where=text("why IS NOT NULL")),
    )

    attempt_id: UUID = Field(primary_key=True, foreign_key="attempts.id")
    project_id: UUID
    provider: str
    next_at: datetime | None = moment()
    looks: int
    booked_nano: int | None = nano()
    subtotal_nano: int | None = nano()
    events: int | None = None
    units: Decimal | None = exact()
    unit_price: Decimal | None = exact()
    why: str | None = None
    since: datetime | None = moment()


class BillingMarkRecord(SQLModel, table=True):
    """Up to which event of the timelines attempts are looked through, for one provider or for unknown costs.

    Until ``held_until`` the provider is not asked; ``failures`` counts the questions in a row that failed.
    """

    __tablename__ = "billing_marks"

    name: str = Field(primary_key=True)
    done_to: int = Field(sa_type=BigInteger)
    held_until: datetime | None = moment()
    failures: int
