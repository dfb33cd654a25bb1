"""Jobs, their timelines and the deliveries of their callbacks, as answered."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from api.schemas.base import Cost, Money, Shown
from domain.lifecycle import AttemptStatus, JobStatus, Kind


class Failure(Shown):
    """Why a job or an attempt did not succeed."""

    code: str = Field(examples=["content_policy"])
    message: str
    provider_code: str | None = Field(description="The provider's own word.")
    retryable: bool


class Latency(Shown):
    """Where the time went, in seconds; null for a phase that is not known."""

    total: float
    queue: float = Field(description="Waiting here.")
    provider_queue: float | None = Field(description="Waiting at the provider behind others.")
    cold_start: float | None = Field(description="At the head of the provider's queue, without a runner.")
    generation: float | None
    detection: float | None = Field(description="Finished, and not yet seen to be.")
    download: float | None
    store: float | None


class Attempt(Shown):
    """One try at one provider."""

    number: int
    provider: str
    endpoint: str
    provider_request_id: str | None
    status: AttemptStatus
    cost: Cost | None = Field(description="Null while it is not known: never 0 instead.")
    invoiced: Money | None = Field(
        description="What the provider's billing says that it charged; null until it has."
    )
    error: Failure | None
    submitted_at: datetime
    ended_at: datetime | None


class Asset(Shown):
    """One stored file."""

    url: str = Field(description="Redirects to a link that is signed when it is asked for.")
    content_type: str
    bytes: int
    sha256: str
    width: int | None
    height: int | None
    duration: float | None = Field(description="Seconds.")
    sandbox: bool


class Job(Shown):
    """One generation that was asked for, with one price and one outcome."""

    id: UUID
    object: Literal["job"]
    kind: Kind
    model: str
    status: JobStatus
    provider: str | None
    endpoint: str | None
    input: dict[str, Any]
    routing: dict[str, Any]
    why: str | None = Field(description="Why it runs where it does; its quote tells of the other offers.")
    callback_url: str | None
    tags: dict[str, str]
    priority: str
    batch_id: UUID | None
    row_id: str | None
    created_at: datetime
    ended_at: datetime | None
    cancel_requested_at: datetime | None
    erase_requested_at: datetime | None = Field(
        description="Since when some of its content is gone from here."
    )
    erased_at: datetime | None = Field(description="Since when all of its content is, see `/erasure`.")
    quoted: Money | None = Field(description="The price that was expected at accept; null if not known then.")
    cost: Cost | None = Field(description="The sum over all attempts; null while any of them is not known.")
    latency: Latency
    attempts: list[Attempt]
    assets: list[Asset]
    error: Failure | None
    sandbox: bool = Field(description="True if a sandbox made it: its files and its cost are made up.")


class Cancellation(Shown):
    """What canceling can still stop."""

    effect: str = Field(
        description="`canceled` (it had not been sent), `removed` (it was waiting at the provider), "
        "`requested` (it may still finish and be billed), `too_late` (it is made) or `impossible`."
    )
    message: str


class CanceledJob(Job):
    """A job whose cancel was asked for."""

    cancellation: Cancellation


class JobPage(Shown):
    """Jobs, the newest first."""

    object: Literal["list"]
    data: list[Job]
    next_cursor: str | None = Field(description="`cursor` of the next page; null on the last one.")


class Step(Shown):
    """One step of a job's timeline."""

    id: str
    type: str = Field(examples=["provider_start"])
    at: datetime
    attempt: int | None
    data: dict[str, Any]


class Timeline(Shown):
    """Every step so far, in order."""

    object: Literal["list"]
    data: list[Step]


class DeliveryTry(Shown):
    """One try at telling."""

    number: int
    at: datetime
    status_code: int | None
    duration_ms: int
    answer: str = Field(description="The first kilobyte of what was answered.")
    error: str | None


class Delivery(Shown):
    """An event on its way to one address."""

    id: UUID
    object: Literal["delivery"]
    event_id: UUID
    event_type: str = Field(examples=["job.succeeded"])
    job_id: UUID | None
    batch_id: UUID | None
    endpoint_id: UUID | None = Field(description="Null for the `callback_url` of a job or a batch.")
    url: str
    status: str
    created_at: datetime
    next_at: datetime | None
    ended_at: datetime | None
    tries: list[DeliveryTry]


class DeliveryPage(Shown):
    """Deliveries, the newest first."""

    object: Literal["list"]
    data: list[Delivery]
    next_cursor: str | None
