"""What every answer's schema is made of."""

from pydantic import BaseModel, ConfigDict, Field


class Shown(BaseModel):
    """An answer: every field is always there, and no other."""

    model_config = ConfigDict(extra="forbid")


class Money(Shown):
    """An amount, exact and readable."""

    nano_usd: int = Field(description="Whole nano-dollars: 1 USD is 1,000,000,000.", examples=[61_000_000])
    usd: str = Field(examples=["0.061"])


class Cost(Money):
    """What was paid."""

    basis: str | None = Field(
        description="Where the amount comes from: `provider_price`, `billable_units`, `gpu_seconds`, "
        "`catalogue`, `not_billed`, or `stated` (by a person who resolved the job)."
    )
    final: bool = Field(description="False while the provider may still say otherwise.")
    spin_up: Money | None = Field(
        default=None,
        description="The part of it that went into starting a runner; only where the GPU second is billed.",
    )
    over_max_cost: bool = Field(
        default=False, description="True where it is more than `max_cost_usd`; else left out."
    )


class Fault(Shown):
    """One field that is wrong."""

    field: str = Field(description="Dotted name; empty for the whole body.", examples=["input.duration"])
    message: str = Field(examples=["must be a whole number"])


class Problem(BaseModel):
    """An error as RFC 9457 has it; some codes carry more, such as `current_status` of an ended job."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(
        description="What is wrong, and what would be right.",
        examples=["input.duration must be a whole number"],
    )
    instance: str = Field(examples=["/v1/jobs"])
    code: str = Field(description="Stable: made for programs.", examples=["invalid_input"])
    errors: list[Fault] = Field(description="One entry for each field that is wrong; may be empty.")
