"""Lanes: what all watchers and workers know together of one endpoint at one provider."""

from datetime import datetime

from sqlalchemy import Column, Double
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from storage.records.columns import moment


class LaneRecord(SQLModel, table=True):
    """One endpoint at one provider; the row with an empty ``endpoint`` is the provider as a whole.

    ``held_until`` is when sending may go on after a 429; ``troubles`` counts failures in a row, and while
    ``open_until`` lies ahead the circuit is open. ``warm_at`` is when a runner was last seen at work,
    ``hook_at`` when the last genuine webhook came. ``took`` and ``started`` are the newest times (seconds)
    from acceptance to the verdict, and to a runner's start. The tokens are what is left of the rates.
    ``marker_refused`` when the endpoint takes no field of ours in its input.
    """

    __tablename__ = "lanes"

    provider: str = Field(primary_key=True)
    endpoint: str = Field(primary_key=True)
    held_until: datetime | None = moment()
    held_reason: str | None = None
    troubles: int = 0
    open_until: datetime | None = moment()
    warm_at: datetime | None = moment()
    hook_at: datetime | None = moment()
    took: list[float] = Field(default_factory=list, sa_column=Column(ARRAY(Double), nullable=False))
    started: list[float] = Field(default_factory=list, sa_column=Column(ARRAY(Double), nullable=False))
    submit_tokens: float | None = None
    submit_tokens_at: datetime | None = moment()
    look_tokens: float | None = None
    look_tokens_at: datetime | None = moment()
    marker_refused: bool = False
