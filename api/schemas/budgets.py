"""Budgets: what is taken and what is answered."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from api.schemas.base import Money, Shown
from domain.budgets import Period, Scope
from domain.money import MoneyError, parse_usd

_PER_MILLE: Final = 1000
_ABOUT_WARN: Final = 'must be a part of the limit above 0 and up to 1, like "0.8", with 3 decimals at most'


class _Tag(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    value: Annotated[str, StringConstraints(max_length=256, pattern=r"^[^\x00]*$")]


class BudgetRequest(BaseModel):
    """What `PUT /v1/budgets` takes: of a project, a tag and a period there is one budget."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scope: Literal["project", "tag", "batch"]
    tag: _Tag | None = Field(default=None, description="With the scope `tag`: whose jobs count.")
    batch_id: UUID | None = Field(default=None, description="With the scope `batch`: its own budget.")
    period: Period = Field(description="By UTC. A batch's is `total`.")
    limit_usd: str = Field(max_length=40, description="0 admits nothing.", examples=["250.00"])
    warn_at: str | None = Field(
        default=None, description="From which part of the limit on to warn, once a period.", examples=["0.8"]
    )

    @field_validator("limit_usd")
    @classmethod
    def _amount(cls, given: str) -> str:
        try:
            parse_usd(given)
        except MoneyError as error:
            raise ValueError(f"must be an amount in dollars: {error}") from error
        return given

    @field_validator("warn_at")
    @classmethod
    def _part(cls, given: str | None) -> str | None:
        try:
            permille = None if given is None else Decimal(given) * _PER_MILLE
        except InvalidOperation as error:
            raise ValueError(_ABOUT_WARN) from error
        if permille is not None and (
            not permille.is_finite() or not 0 < permille <= _PER_MILLE or permille % 1
        ):
            raise ValueError(_ABOUT_WARN)
        return given

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for name, scope in (("tag", "tag"), ("batch_id", "batch")):
            given = getattr(self, name) is not None
            if given != (self.scope == scope):
                raise ValueError(f"{name} goes with the scope {scope}, and only with that")
        if self.scope == "batch" and (self.period is not Period.TOTAL or self.warn_at is not None):
            raise ValueError("a batch has one budget in total, without warn_at: give the period total")
        return self

    @property
    def limit_nano(self) -> int:
        """The limit in nano-dollars."""
        return parse_usd(self.limit_usd)

    @property
    def warn_permille(self) -> int | None:
        """From how many thousandths of the limit on to warn."""
        return None if self.warn_at is None else int(Decimal(self.warn_at) * _PER_MILLE)


class BudgetTag(Shown):
    """The tag whose jobs count."""

    name: str
    value: str


class BudgetIdentity(Shown):
    """Which budget it is."""

    id: UUID
    scope: Scope
    tag: BudgetTag | None
    period: Period


class Budget(Shown):
    """What jobs may cost in a period, and how that stands."""

    id: UUID
    object: Literal["budget"]
    scope: Literal["project", "tag", "batch"]
    tag: BudgetTag | None
    batch_id: UUID | None
    period: Period
    limit: Money
    held: Money = Field(description="What jobs on their way may yet cost, in this period.")
    spent: Money = Field(description="In this period.")
    left: Money = Field(description="What is neither held nor spent; never below 0.")
    renews_at: datetime | None = Field(description="Null for one in total.")
    warn_at: str | None
    created_at: datetime


class BudgetList(Shown):
    """The budgets of the project, the oldest first, then those of its open batches."""

    object: Literal["list"]
    data: list[Budget]
