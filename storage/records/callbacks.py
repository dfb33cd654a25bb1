"""What customers are told: events exactly as they are signed, where each goes, and every try at telling."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Column, Computed, Index, LargeBinary, String, text
from sqlmodel import Field, SQLModel

from storage.records.columns import moment, new_id

# Scheme, host and port as they are written.
_HOST: Final = r"lower(COALESCE(substring(url from '^[^:/?#]+://[^/?#]*'), ''))"


class EndpointRecord(SQLModel, table=True):
    """An address that a project has its events told at, with a secret of its own, sealed.

    ``event_types`` None means all. ``failing_since`` is the first failure after the last success. A secret
    that was replaced signs too until ``former_until``. One that was deleted stays for its deliveries' sake.
    """

    __tablename__ = "webhook_endpoints"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="projects.id", index=True)
    url: str
    event_types: list[str] | None = Field(default=None, sa_column=Column(ARRAY(String), nullable=True))
    description: str = ""
    enabled: bool = True
    disabled_reason: str | None = None
    failing_since: datetime | None = moment()
    secret: bytes = Field(sa_type=LargeBinary)
    former_secret: bytes | None = Field(default=None, sa_type=LargeBinary)
    former_until: datetime | None = moment()
    created_at: datetime = moment(nullable=False)
    deleted_at: datetime | None = moment()


class EventRecord(SQLModel, table=True):
    """Something that happened that a customer may be told; ``body`` is the JSON text as it is signed.

    ``place`` is its place in the feed: given when the feed is read, so in the order of commits, which that of
    ids is not.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index("events_by_project", "project_id", "id"),
        Index("events_by_place", "project_id", "place"),
        Index("events_without_place", "project_id", "id", postgresql_where=text("place IS NULL")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="projects.id")
    job_id: UUID | None = Field(default=None, foreign_key="jobs.id", index=True)
    batch_id: UUID | None = Field(default=None, foreign_key="batches.id")
    type: str
    body: str
    created_at: datetime = moment(nullable=False, index=True)
    place: int | None = Field(default=None, sa_type=BigInteger)


_HELD: Final = "status = 'pending' AND held"


class DeliveryRecord(SQLModel, table=True):
    """An event on its way to one address, until it is delivered or given up; no endpoint: a callback_url.

    ``host`` is scheme, host and port of the url, which the database keeps. One that is ``held`` was due at
    ``next_at``, and waits for its host's turn.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("deliveries_due", "next_at", postgresql_where=text("status = 'pending' AND NOT held")),
        Index("deliveries_held", "host", "next_at", postgresql_where=text(_HELD)),
        Index("deliveries_held_fresh", "host", "tries", "next_at", postgresql_where=text(_HELD)),
        Index("deliveries_out", "host", postgresql_where=text("status = 'pending' AND owner IS NOT NULL")),
        Index("deliveries_by_project", "project_id", "id"),
        Index(
            "deliveries_by_endpoint",
            "endpoint_id",
            "id",
            postgresql_where=text("endpoint_id IS NOT NULL"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    event_id: UUID = Field(foreign_key="events.id", index=True)
    project_id: UUID = Field(foreign_key="projects.id")
    endpoint_id: UUID | None = Field(default=None, foreign_key="webhook_endpoints.id")
    url: str
    status: str
    tries: int = 0
    owner: str | None = None
    next_at: datetime | None = moment()
    created_at: datetime = moment(nullable=False)
    ended_at: datetime | None = moment()
    held: bool = False
    host: str | None = Field(default=None, sa_column=Column(String, Computed(_HOST, persisted=True)))


class CallbackHostRecord(SQLModel, table=True):
    """A host that callbacks go to, from the first that was due on: ``new``, ``good`` or ``slow``.

    ``failures`` are those since it last answered, ``failing_since`` the first of them. ``waiting`` says that
    deliveries are held for it, which are let out from ``next_at`` on. Of a host that is not good ``trying``
    are under way, or were lost if it is past ``trying_until``.
    """

    __tablename__ = "callback_hosts"
    __table_args__ = (
        Index("callback_hosts_waiting", "state", "next_at", postgresql_where=text("waiting")),
        Index("callback_hosts_trying", "state", postgresql_where=text("trying_until IS NOT NULL")),
    )

    host: str = Field(primary_key=True)
    state: str
    failures: int = 0
    failing_since: datetime | None = moment()
    waiting: bool = False
    next_at: datetime = moment(nullable=False)
    trying: int = 0
    trying_until: datetime | None = moment()
    seen_at: datetime = moment(nullable=False)


class DeliveryTryRecord(SQLModel, table=True):
    """One try at telling: when, what was answered, and how long that took."""

    __tablename__ = "delivery_tries"

    delivery_id: UUID = Field(foreign_key="deliveries.id", primary_key=True)
    number: int = Field(primary_key=True)
    at: datetime = moment(nullable=False)
    status_code: int | None = None
    milliseconds: int
    answer: str
    error: str | None = None
