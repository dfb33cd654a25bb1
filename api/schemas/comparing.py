"""Comparing what models cost: what may be asked, and what is answered."""

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field

from api.queries import Tag, Text
from api.schemas.base import Money, Shown
from api.schemas.days import Days
from domain.comparing import Certainty
from domain.lifecycle import Kind
from storage.costs.paid import Wanted

MOST_MODELS: Final = 20
MOST_MONTHLY: Final = 10_000_000


class ComparingQuery(Days):
    """Which models are compared, by which of their jobs, and for how many a month."""

    model: list[Text] = Field(
        min_length=1, max_length=MOST_MODELS, description="As jobs give it; repeat it for several."
    )
    monthly: Annotated[int, Field(ge=1, le=MOST_MONTHLY)] = Field(
        default=1000, description="How many jobs of each model a month's cost is projected for."
    )
    kind: Kind | None = None
    tag: Tag | None = Field(default=None, description="`name:value`, exactly: to compare like with like.")

    def wanted(self, project_id: UUID) -> Wanted:
        """The question as the services know it."""
        first, last = self.days
        name, _, value = (self.tag or "").partition(":")
        models = tuple(dict.fromkeys(self.model))
        return Wanted(project_id, models, self.kind, first, last, (name, value) if name else None)


PARAMETERS: Final = tuple(field.alias or name for name, field in ComparingQuery.model_fields.items())


class ComparedLatency(Shown):
    """Seconds from the submit to the stored file."""

    p50: float
    p95: float


class Projected(Shown):
    """What so many jobs a month would cost, were they like those that were paid."""

    monthly: Money | None = Field(description="Mean times jobs; null where no cost is known.")
    low: Money | None = Field(description="The lower end of 95 % of such months; null with too few payments.")
    high: Money | None
    certainty: Certainty = Field(
        description="`exact`: all payments were the same. `interval`: see `low` and `high`. `too_few`: fewer "
        "than 5 payments. `unknown`: no cost is known."
    )
    why: str = Field(description="What the certainty stands on, in words.")


class Compared(Shown):
    """One way to run a model, by what its succeeded jobs really cost."""

    model: str
    kind: Kind
    provider: str
    endpoint: str
    sandbox: bool
    n: int = Field(description="Succeeded jobs whose cost is known: all amounts are of these.")
    unknown: int = Field(description="Succeeded jobs whose cost is not known: no amount includes them.")
    not_final: int = Field(description="Of `n`, those of which the provider may still say otherwise.")
    minimum: Money | None
    median: Money | None = Field(description="The least amount that half of them do not exceed.")
    mean: Money | None
    maximum: Money | None
    spread_percent: float | None = Field(description="By how much the dearest cost more than the cheapest.")
    latency: ComparedLatency
    cold_start_percent: float | None = Field(
        description="Jobs that waited a second or more for a runner; null where nothing tells."
    )
    projected: Projected


class Comparison(Shown):
    """What was paid for models, for each provider and endpoint; the cheapest first."""

    object: Literal["comparison"]
    models: list[str]
    monthly: int
    from_: str | None = Field(alias="from")
    to: str | None
    time_zone: Literal["UTC"]
    data: list[Compared]
    verdicts: list[str] = Field(description="For each model where it is cheaper, and how sure that is.")
    advice: list[str] = Field(description="What to send so that there is more to compare.")
