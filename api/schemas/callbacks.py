"""Endpoints, events and redeliveries: what is taken and what is answered."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, field_validator

from api.schemas.base import Shown
from domain.callbacks import EventType

Address = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Description = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
Types = Annotated[list[EventType], Field(min_length=1, max_length=20)]


class _Taken(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EndpointRequest(_Taken):
    """What `POST /v1/webhook-endpoints` takes."""

    url: Address
    event_types: Types | None = Field(default=None, description="Null or left out: all, later ones too.")
    description: Description = ""
    enabled: bool = True


class EndpointChange(_Taken):
    """What `PATCH /v1/webhook-endpoints/{id}` takes: what is left out stays as it is."""

    url: Address | None = None
    event_types: Types | None = None
    description: Description | None = None
    enabled: bool | None = None

    @field_validator("url", "description", "enabled", mode="before")
    @classmethod
    def _not_null(cls, given: object) -> object:
        if given is None:
            raise ValueError("must not be null: leave it out to keep it as it is")
        return given


class Endpoint(Shown):
    """An address at which a project has its events told."""

    id: UUID
    object: Literal["webhook_endpoint"]
    url: str
    event_types: list[str] | None = Field(description="Null: all.")
    description: str
    enabled: bool
    disabled_reason: str | None = Field(description="Why Darkroom disabled it.")
    failing_since: datetime | None = Field(description="The first failure after the last success.")
    both_secrets_until: datetime | None = Field(description="Until when the replaced secret signs too.")
    created_at: datetime


class NewEndpoint(Endpoint):
    """An endpoint with its secret."""

    secret: str = Field(description="Shown now and never again.", examples=["whsec_…"])


class EndpointList(Shown):
    """The endpoints of the project, the oldest first."""

    object: Literal["list"]
    data: list[Endpoint]


class Event(Shown):
    """Something that happened; `id` is the `webhook-id` of its callbacks."""

    id: UUID
    object: Literal["event"]
    type: str
    job_id: UUID | None
    batch_id: UUID | None
    created_at: datetime
    body: str = Field(description="The JSON text exactly as it is signed and sent.")


class EventFeed(Shown):
    """Events in the order in which they can be caught up with."""

    object: Literal["list"]
    data: list[Event]
    has_more: bool = Field(description="Ask again, `after` the last event's `id`.")


class RedeliveryRequest(_Taken):
    """What `POST /v1/deliveries/redeliver` takes."""

    after: AwareDatetime = Field(description="The first moment at which a delivery was made.")
    before: AwareDatetime = Field(description="The end of the range, itself not part of it.")
    endpoint_id: UUID | None = None
    status: Literal["failed", "delivered", "pending"] = "failed"


class Redelivery(Shown):
    """How many deliveries are sent again."""

    object: Literal["redelivery"]
    deliveries: int
