"""From one day to another, as queries ask for it."""

from datetime import date
from typing import Annotated, Final, Self

from pydantic import BaseModel, Field, StringConstraints, field_validator, model_validator

_ABOUT_DAYS: Final = "must be a day by UTC, like 2026-01-31"

Day = Annotated[str, StringConstraints(max_length=40)]


class Days(BaseModel):
    """Which days are wanted, by UTC; all of them where none is named."""

    first: Day | None = Field(default=None, alias="from", description="The first day, like `2026-01-31`.")
    last: Day | None = Field(default=None, alias="to", description="The last day; it is included.")

    @field_validator("first", "last")
    @classmethod
    def _day(cls, given: str | None) -> str | None:
        if given is not None:
            day_of(given)
        return given

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        first, last = self.days
        if first is not None and last is not None and first > last:
            raise ValueError("from must not be after to")
        return self

    @property
    def days(self) -> tuple[date | None, date | None]:
        """From when until when, both included."""
        first, last = (None if one is None else day_of(one) for one in (self.first, self.last))
        return first, last


def day_of(text: str) -> date:
    """Read a day by UTC; raises ValueError with what would be right."""
    try:
        if len(text) == len("2026-01-31"):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError(_ABOUT_DAYS)
