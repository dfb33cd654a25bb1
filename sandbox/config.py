"""What can be set about the sandbox: timings, seed, balance; by environment, command line or control API."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

Seconds = Annotated[float, Field(ge=0)]


class Config(BaseSettings):
    """Settings of one sandbox; each is also read from ``DARKROOM_SANDBOX_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="DARKROOM_SANDBOX_", frozen=True, extra="forbid")

    public_url: str | None = None
    """Base of every link that is handed out; the address of the request where this is not set."""
    seed: int | None = None
    """Makes ids and jitter repeatable. Leave it unset where an earlier run's ids may still be stored."""
    manual_clock: bool = False
    """Time stands still until ``POST /control/clock`` moves it."""

    image_seconds: Seconds = 1.2
    video_seconds: Seconds = 3.0
    jitter: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """How far a generation time may be off, as a share of it."""
    queue_step_seconds: Seconds = 0.5
    """How long the fal queue takes for one position."""
    cold_seconds: Seconds = 0.0
    """Cold start of the first request to a fal app; 0 leaves it to the ``cold`` scenario."""
    warm_seconds: Seconds = 60.0
    """How long a fal app stays warm after its last request has ended."""
    result_seconds: Seconds = 3600.0
    """How long fal keeps a result whose payloads it was told not to store."""
    billing_delay_seconds: Seconds = 1.0
    """How far fal's billing events lag behind the end of a request."""
    fal_prices: dict[str, Annotated[Decimal, Field(ge=0)]] = {}
    """Dollars per unit at these fal endpoints, instead of what they cost else; for requests from now on."""
    webhook_timeout_seconds: Seconds = 15.0
    webhook_retry_seconds: tuple[Seconds, ...] = (1, 2, 4, 8, 16, 32, 60, 120, 240, 480)

    link_seconds: Annotated[int, Field(ge=1)] = 172_800
    """How long a LinkModel media link works, counted from the end of its task."""
    linkmodel_balance_usd: Annotated[Decimal, Field(ge=0)] = Decimal(1000)
    """The prepaid balance that tasks are paid from."""
    linkmodel_prices: dict[str, Annotated[Decimal, Field(ge=0)]] = {}
    """Dollars per task of these models, whatever it asks for, instead of what they cost else."""
    linkmodel_charge_failed: bool = False
    """Keep the money of failed and cancelled tasks instead of giving it back."""
