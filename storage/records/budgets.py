"""Budgets, and the changes of what each holds and has spent."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index, text
from sqlmodel import Field, SQLModel

from storage.records.columns import moment, nano, new_id


class BudgetRecord(SQLModel, table=True):
    """What a project's jobs may cost in a period, or those of them with a tag; see ``domain.budgets``.

    ``counted`` is false until what the ledger held when the budget was made, up to ``after_entry``, is
    counted: before that it refuses nothing. A budget of the whole project has an empty tag.
    """

    __tablename__ = "budgets"
    __table_args__ = (
        Index(
            "budgets_by_project",
            "project_id",
            "scope",
            "tag_name",
            "tag_value",
            "period",
            unique=True,
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="projects.id")
    scope: str
    tag_name: str = ""
    tag_value: str = ""
    period: str
    limit_nano: int = nano(nullable=False)
    warn_permille: int | None = None
    warned_in: date | None = None
    exceeded_in: date | None = None
    after_entry: int = Field(sa_column=Column(BigInteger, nullable=False))
    counted: bool = False
    created_at: datetime = moment(nullable=False)


class BudgetTallyRecord(SQLModel, table=True):
    """A change of what a budget holds and has spent in the period that began on ``start``.

    Written by the database itself as entries are booked (see the migration), and summed up now and then, as
    the counts of batches are: with one row for a budget, all who end jobs would wait for each other.
    """

    __tablename__ = "budget_tallies"
    __table_args__ = (
        Index("budget_tallies_by_budget", "budget_id", "start"),
        Index("budget_tallies_fresh", "budget_id", "start", postgresql_where=text("NOT summed")),
    )

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    budget_id: UUID
    start: date
    held: int = nano(nullable=False)
    spent: int = nano(nullable=False)
    summed: bool = False
