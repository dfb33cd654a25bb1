"""What was not billed as it was booked: what may be asked, and what is answered."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from api.queries import PageQuery
from api.schemas.base import Money, Shown
from domain.billing import Why
from storage.costs.differences import Wanted


def _is_day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise ValueError("must be a day by UTC, like 2026-01-31") from error
    return text


Day = Annotated[str, StringConstraints(max_length=40), AfterValidator(_is_day)]


class DifferencesQuery(PageQuery):
    """Which differences are wanted."""

    first: Day | None = Field(
        default=None, alias="from", description="The first day on which it was noticed, like `2026-01-31`."
    )
    last: Day | None = Field(default=None, alias="to", description="The last day; it is included.")

    @model_validator(mode="after")
    def _in_order(self) -> "DifferencesQuery":
        wanted = self.wanted()
        if wanted.start is not None and wanted.end is not None and wanted.start >= wanted.end:
            raise ValueError("from must not be after to")
        return self

    def wanted(self) -> Wanted:
        """The question as the services know it."""
        first = None if self.first is None else _midnight(self.first)
        return Wanted(first, None if self.last is None else _midnight(self.last, days=1))


PARAMETERS: Final = tuple(field.alias or name for name, field in DifferencesQuery.model_fields.items())


class Bill(Shown):
    """What a provider's billing told of a request."""

    events: int = Field(description="How many entries its billing has of this request.")
    discount: Money | None = Field(description="What was taken off; already taken off `invoiced`.")
    units: str | None
    unit_price_usd: str | None
    sent_at_unit_price_usd: str | None = Field(description="What a unit cost when the request was sent.")


class Difference(Shown):
    """An attempt that was not billed as it was booked, or of which nobody knows what it cost."""

    object: Literal["difference"]
    job_id: UUID
    attempt: int
    provider: str
    endpoint: str
    provider_request_id: str | None
    booked: Money | None = Field(description="Before the bill came; null where it was not known.")
    invoiced: Money | None = Field(description="Null where no bill has come.")
    difference: Money | None = Field(description="Invoiced less booked; null where either is not known.")
    why: Why
    since: datetime = Field(description="When it was noticed.")
    asked_again_at: datetime | None = Field(description="Null once the provider is not asked any more.")
    bill: Bill | None
    sandbox: bool


class DifferencePage(Shown):
    """A page of differences, the newest attempts first."""

    object: Literal["list"]
    data: list[Difference]
    next_cursor: str | None


def _midnight(day: str, days: int = 0) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(tzinfo=UTC)) + timedelta(days=days)
