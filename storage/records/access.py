"""Who may use Darkroom: projects and their keys, and the answers kept for repeated requests."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from storage.records.columns import document, moment, new_id


class ProjectRecord(SQLModel, table=True):
    """A team's own space: it sees only its own jobs. The callback secret is encrypted at rest.

    One that was replaced signs too until ``former_until``.
    """

    __tablename__ = "projects"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    name: str = Field(unique=True)
    signing_secret: bytes = Field(sa_type=LargeBinary)
    former_secret: bytes | None = Field(default=None, sa_type=LargeBinary)
    former_until: datetime | None = moment()
    created_at: datetime = moment(nullable=False)


class ApiKeyRecord(SQLModel, table=True):
    """A key of a project, known by its hash; ``prefix`` is what may be shown of it."""

    __tablename__ = "api_keys"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="projects.id", index=True)
    name: str
    prefix: str
    key_hash: str = Field(unique=True)
    scope: str
    created_at: datetime = moment(nullable=False)
    revoked_at: datetime | None = moment()


class IdempotencyRecord(SQLModel, table=True):
    """The first answer to a request that carried an ``Idempotency-Key``, with a fingerprint of its body."""

    __tablename__ = "idempotency_keys"

    project_id: UUID = Field(foreign_key="projects.id", primary_key=True)
    key: str = Field(primary_key=True)
    fingerprint: str
    job_id: UUID
    answer: dict[str, Any] = document()
    created_at: datetime = moment(nullable=False, index=True)
