"""Decisions about jobs whose outcome is unknown: what is taken, and which choices are shown."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator

from api.schemas.base import Money, Shown
from domain.lifecycle import JobStatus
from domain.money import MoneyError, parse_usd

Action = Literal["adopt", "resubmit", "fail"]
RequestId = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")]


class ResolveRequest(BaseModel):
    """What `POST /v1/jobs/{id}/resolve` takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Action = Field(
        description="`adopt` takes up a request that the provider has, `resubmit` sends the job again, and "
        "`fail` ends it. `GET` on the same address says what each may cost."
    )
    provider_request_id: RequestId | None = Field(
        default=None, validate_default=True, description="With `adopt`: the request, by the provider's id."
    )
    cost_usd: str | None = Field(
        default=None,
        max_length=40,
        description="With `resubmit` and `fail`, where you know it: what the first request cost, `0` when it "
        "was never made. Left out, its cost stays null and what is held for it stays held.",
        examples=["0"],
    )

    @field_validator("provider_request_id")
    @classmethod
    def _with_adopt(cls, given: str | None, info: ValidationInfo) -> str | None:
        action = info.data.get("action")
        if action == "adopt" and given is None:
            raise ValueError("must have a provider_request_id where action is adopt")
        if action in {"resubmit", "fail"} and given is not None:
            raise ValueError("goes with the action adopt alone: leave it out")
        return given

    @field_validator("cost_usd")
    @classmethod
    def _amount(cls, given: str | None, info: ValidationInfo) -> str | None:
        if given is None:
            return None
        if info.data.get("action") == "adopt":
            raise ValueError(
                "goes with resubmit and fail alone: what a request costs that is taken up is seen"
            )
        try:
            parse_usd(given)
        except MoneyError as error:
            raise ValueError(f"must be an amount in dollars: {error}") from error
        return given

    @property
    def cost_nano(self) -> int | None:
        """The stated cost in nano-dollars."""
        return None if self.cost_usd is None else parse_usd(self.cost_usd)


class OpenAttempt(Shown):
    """The attempt whose outcome is unknown."""

    number: int
    provider: str
    endpoint: str
    provider_request_id: str | None
    submitted_at: datetime


class Choice(Shown):
    """One thing that can be decided."""

    action: Action
    available: bool
    may_cost_more: Money | None = Field(
        description="How much more than now may be billed by choosing it; null where that is not known."
    )
    words: str


class Resolution(Shown):
    """What can be decided about a job, and what each choice may cost."""

    object: Literal["resolution"]
    job_id: UUID
    status: JobStatus
    reason: str | None = Field(description="Why its outcome is unknown, and what is being done about it.")
    attempt: OpenAttempt
    held: Money = Field(description="What is held in reserve for the job.")
    choices: list[Choice]
