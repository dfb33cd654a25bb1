"""Models, prices and quotes, as answered."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from api.schemas.base import Money, Shown
from domain.lifecycle import Kind


class Tier(Shown):
    """The price of a unit for certain inputs."""

    when: dict[str, Any]
    usd: str


class Price(Shown):
    """What one unit costs, in dollars as exact text."""

    usd: str = Field(examples=["0.061"])
    high_usd: str | None = Field(description="The upper end where the price varies.")
    only_when: dict[str, Any] = Field(description="The inputs that the price was published for.")
    tiers: list[Tier] = Field(description="Prices for certain inputs; the first that fits wins.")
    since: date
    source: str


class ProviderPrice(Shown):
    """A unit price as the provider's own list named it, and while it did."""

    usd: str
    unit: str = Field(description="The provider's own word.", examples=["megapixels"])
    since: datetime
    until: datetime | None = Field(description="Null while it holds.")


class Offer(Shown):
    """One way to run a model."""

    provider: str
    endpoint: str
    image_endpoint: str | None = Field(description="Used instead when the job starts from an image.")
    configured: bool = Field(description="Whether this Darkroom has a key for the provider.")
    sandbox: bool = Field(description="Whether an emulator stands in for the provider.")
    unit: str | None = Field(description="What the price is counted in; null where not known.")
    price: Price | None = Field(description="Null where no price is published.")
    provider_prices: list[ProviderPrice] = Field(
        description="What its price list said, the newest first; empty while it was not read."
    )
    accepts: list[str] = Field(description="The inputs that the offer honours.")
    defaults: dict[str, Any] = Field(description="What the provider assumes where the job is silent.")
    expected_seconds: int | None
    quality: int = Field(description="Compares the offers of one model: higher is better.")
    retention: str = Field(description="What the provider keeps.")
    retention_source: str | None = Field(description="Where that was read.")
    zero_retention: bool = Field(description="Whether a job with `zero_retention` may run there.")


class Machine(Shown):
    """What a second of one GPU costs, for applications of one's own."""

    id: str = Field(examples=["H100"])
    unit: str
    usd: str
    high_usd: str | None
    since: date
    source: str


class Model(Shown):
    """One model of the catalogue."""

    id: str = Field(examples=["kling-v3"])
    object: Literal["model"]
    kind: Kind
    offers: list[Offer]


class ModelList(Shown):
    """The catalogue, by name."""

    object: Literal["list"]
    data: list[Model]
    machines: list[Machine]


class NamedPrice(Shown):
    """What one unit costs, in dollars as exact text."""

    usd: str = Field(examples=["0.084"])
    unit: str = Field(description="The provider's own word.", examples=["seconds"])


class UnitPrice(NamedPrice):
    """What the provider itself last said that one unit costs."""

    since: datetime | None


class SyncedPrice(Shown):
    """What a provider's list says of one endpoint, beside what it said before."""

    provider: str
    endpoint: str
    change: Literal["new", "changed", "same", "not_named"]
    before: UnitPrice | None
    catalogue_usd: str | None = Field(description="The catalogue's base price, for comparison.")
    now: NamedPrice | None
    percent: str | None = Field(description="By how much it rose or fell.", examples=["+12.5"])


class SyncFailure(Shown):
    """A price list that could not be read."""

    provider: str
    message: str


class PriceSync(Shown):
    """The providers' price lists, read just now."""

    object: Literal["price_sync"]
    dry_run: bool
    at: datetime
    changed: int = Field(description="How many prices are new or another.")
    prices: list[SyncedPrice]
    failed: list[SyncFailure]


class Evidence(Shown):
    """What a quote stands on; the figures are of what jobs with the same inputs really cost here."""

    words: str = Field(examples=["the 37 newest jobs like it cost $0.08 to $0.14 here, nine in ten …"])
    n: int | None = Field(description="How many jobs; null where too few have run in 30 days.")
    low: Money | None
    high: Money | None
    p5: Money | None = Field(description="Nine in ten jobs cost from this …")
    p95: Money | None = Field(description="… to this.")
    from_: datetime | None = Field(alias="from")
    to: datetime | None


class Retention(Shown):
    """What the provider keeps, and where that was read."""

    keeps: str
    zero_retention: bool
    source: str | None


class QuotedOffer(Shown):
    """What one offer would cost for the request."""

    rank: int
    provider: str
    endpoint: str
    low: Money | None
    high: Money | None
    exact: bool
    basis: str | None = Field(
        description="`provider_price` (its price of today), `catalogue`, or `history`: what was paid here."
    )
    spin_up: Money | None = Field(
        description="What starting a runner would cost, where that is billed; part of both ends by `history`."
    )
    evidence: Evidence
    unit_price: UnitPrice | None
    expected_seconds: int | None = Field(
        description="Until the result: the median of the newest ones here, else what is published."
    )
    warm: bool | None = Field(
        description="Whether a runner was seen at work there lately; null where a provider does not show it."
    )
    expected_start_seconds: float | None = Field(
        description="Until a runner starts, by the newest starts here; null while there are too few."
    )
    retention: Retention
    share: float | None = Field(description="Of 100 jobs, how many begin here; null without `split`.")
    why: str | None = Field(description="Why it is ranked where it is.")


class PassedOver(Shown):
    """An offer that the job would not run at."""

    provider: str
    endpoint: str
    reason: str


class Quote(Shown):
    """Every offer for a request; nothing was sent."""

    object: Literal["quote"]
    model: str
    kind: Kind
    offers: list[QuotedOffer]
    passed_over: list[PassedOver]
