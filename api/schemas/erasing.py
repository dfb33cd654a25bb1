"""Erasures and periods of retention: what is taken and what is answered."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.base import Shown
from api.schemas.batches import Batch
from api.schemas.jobs import Job
from domain.erasing import There
from services.retention import LONGEST_DAYS

Days = Annotated[int, Field(ge=1, le=LONGEST_DAYS)]


class ErasedRecord(Shown):
    """What was kept in the database."""

    state: Literal["waiting", "erased"] = Field(description="`waiting` until the job or the batch is over.")
    prompt: bool = Field(description="Whether prompt, input and what quotes them go.")
    assets: bool = Field(description="Whether files and links to them go.")


class ErasedObjects(Shown):
    """What was kept in the object store."""

    state: Literal["pending", "erased"]
    left: int = Field(description="Objects that are still to be removed.")
    erased: int


class ErasedRequest(Shown):
    """What became of one request at its provider."""

    attempt: int
    provider: str
    provider_request_id: str
    state: There = Field(
        description="`absent`: the provider knows no such request; `impossible`: it has no call for that, or "
        "the key may not make it; `failed`: it was asked for thirty days."
    )
    message: str | None


class ErasedThere(Shown):
    """What the providers kept."""

    state: Literal["waiting", "none", "pending", "erased", "partly", "impossible", "failed"]
    requests: list[ErasedRequest]


class _Erasure(Shown):
    object: Literal["erasure"]
    reason: Literal["request", "retention"]
    requested_at: datetime
    done_at: datetime | None = Field(description="Null while something of it is still tried.")
    record: ErasedRecord
    objects: ErasedObjects
    provider: ErasedThere
    kept: list[str] = Field(description="What stays, and how that can go too where it can.")


class JobErasure(_Erasure):
    """How far the erasure of a job has come."""

    job_id: UUID


class BatchErasure(_Erasure):
    """How far the erasure of a batch has come."""

    batch_id: UUID


class ErasedJob(Job):
    """A job whose content is being erased."""

    erasure: JobErasure


class ErasedBatch(Batch):
    """A batch whose content is being erased."""

    erasure: BatchErasure


class RetentionRequest(BaseModel):
    """What `PUT /v1/retention` takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt_days: Days | None = Field(
        description="For how many days prompts and inputs are kept, from when a job was accepted on; "
        "null: for ever."
    )
    asset_days: Days | None = Field(description="For how many days files are kept; null: for ever.")


class Retention(Shown):
    """For how long a project keeps what."""

    object: Literal["retention"]
    prompt_days: int | None
    asset_days: int | None
