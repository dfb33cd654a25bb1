"""Query parameters: what a list may be filtered by, and the refusal of those that do not exist."""

from difflib import get_close_matches
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends
from fastapi.params import Depends as Dependency
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints
from starlette.requests import Request

from api.answers import Problem
from domain.lifecycle import JobStatus, Kind
from services.reading import Slice
from storage.listing import DeliveryFilter, JobFilter

Text = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]+$")]
Tag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}:[^\x00]{0,256}$")]


class PageQuery(BaseModel):
    """Which part of a list is wanted."""

    limit: int = Field(default=50, ge=1, le=200, description="How many entries, 1 to 200.")
    cursor: Text | None = Field(default=None, description="`next_cursor` of the page before.")

    def slice(self) -> Slice:
        """The part as the services know it."""
        return Slice(self.limit, self.cursor)


class JobQuery(PageQuery):
    """Which jobs are wanted."""

    status: JobStatus | None = None
    kind: Kind | None = None
    model: Text | None = Field(default=None, description="As the job gave it.")
    provider: Literal["linkmodel", "fal"] | None = Field(
        default=None, description="Where the job runs, or ran last."
    )
    batch_id: UUID | None = None
    tag: Tag | None = Field(default=None, description="`name:value`, exactly.")
    created_after: AwareDatetime | None = Field(default=None, description="Like `2026-01-31T12:00:00Z`.")
    created_before: AwareDatetime | None = None

    def wanted(self) -> JobFilter:
        """The filter as the services know it."""
        name, _, value = (self.tag or "").partition(":")
        return JobFilter(
            status=self.status,
            kind=self.kind,
            model=self.model,
            provider=self.provider,
            batch_id=self.batch_id,
            tags={name: value} if name else {},
            created_after=self.created_after,
            created_before=self.created_before,
        )


class DeliveryQuery(PageQuery):
    """Which deliveries are wanted."""

    job_id: UUID | None = None
    batch_id: UUID | None = None
    endpoint_id: UUID | None = None
    event_type: Text | None = None
    status: Literal["pending", "delivered", "failed"] | None = None

    def wanted(self) -> DeliveryFilter:
        """The filter as the services know it."""
        return DeliveryFilter(
            job_id=self.job_id,
            batch_id=self.batch_id,
            endpoint_id=self.endpoint_id,
            event_type=self.event_type,
            status=self.status,
        )


class EventQuery(BaseModel):
    """Which part of the feed is wanted."""

    after: UUID | None = Field(default=None, description="`id` of the last event that you have.")
    limit: int = Field(default=100, ge=1, le=500, description="How many events, 1 to 500.")
    type: Text | None = None


def only(*names: str) -> Dependency:
    """A dependency that refuses query parameters other than ``names``: ignored ones would mislead."""

    async def check(request: Request) -> None:
        refuse_others(request, *names)

    dependency: Dependency = Depends(check)
    return dependency


def refuse_others(request: Request, *names: str) -> None:
    """Raise Problem (422) for query parameters other than ``names``."""
    if not request.scope["query_string"]:
        return
    strangers = [name for name in request.query_params if name not in names]
    if strangers:
        faults = [{"field": name, "message": f"is not known: {_advice(name, names)}"} for name in strangers]
        said = "; ".join(f"{fault['field']} {fault['message']}" for fault in faults)
        raise Problem(422, "invalid_query", said, errors=faults)


def _advice(stranger: str, names: tuple[str, ...]) -> str:
    if like := get_close_matches(stranger, names, n=1):
        return f"did you mean {like[0]}?"
    return f"known here are {', '.join(names)}" if names else "this takes no query parameters"
