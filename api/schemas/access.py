"""Projects and keys: what is taken and what is answered."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.schemas.base import Shown
from services.access import Scope

Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]


class _Taken(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProjectRequest(_Taken):
    """What `POST /v1/projects` takes."""

    name: Name


class KeyRequest(_Taken):
    """What `POST /v1/keys` takes."""

    name: Name
    scope: Scope = Field(description="`read` reads, `submit` runs and cancels jobs too, `admin` does all.")


class Key(Shown):
    """A key, by the part of it that may be shown."""

    id: UUID
    object: Literal["api_key"]
    name: str
    prefix: str
    scope: Scope
    created_at: datetime
    revoked_at: datetime | None


class NewKey(Key):
    """A key that was just made."""

    key: str = Field(description="The key itself: shown now and never again.", examples=["dk_…"])


class KeyList(Shown):
    """The keys of the project."""

    object: Literal["list"]
    data: list[Key]


class Project(Shown):
    """A team's own space."""

    id: UUID
    object: Literal["project"]
    name: str
    created_at: datetime


class NewProject(Project):
    """A project that was just made, with its first admin key."""

    api_key: NewKey


class ProjectList(Shown):
    """The projects that the key may see."""

    object: Literal["list"]
    data: list[Project]


class SigningSecret(Shown):
    """The secret that signs callbacks (Standard Webhooks)."""

    object: Literal["signing_secret"]
    secret: str = Field(examples=["whsec_…"])
