"""Links to a job's files, signed when they are asked for."""

from typing import Final
from uuid import UUID

from services.refusals import NotFound, Unavailable
from services.runtime import Runtime
from storage import jobs
from storage.objects.base import Disposition, StoreError
from storage.records import AssetRecord

LINK_SECONDS: Final = 15 * 60


def asset_link(runtime: Runtime, *, project_id: UUID, job_id: UUID, n: int, disposition: Disposition) -> str:
    """A URL by which anyone can read the job's file number ``n`` for fifteen minutes.

    Raises:
        NotFound: the project has no such job, or the job no such file.
        Unavailable: the object store cannot sign.
    """
    asset = _asset(runtime, project_id, job_id, n)
    extension = asset.key.rpartition(".")[2]
    try:
        return runtime.objects.link(
            asset.key,
            expires_seconds=LINK_SECONDS,
            filename=f"{job_id}-{n}.{extension}",
            disposition=disposition,
            content_type=asset.content_type,
        )
    except StoreError as error:
        raise Unavailable(f"no link can be made just now: {error}", code="store_unavailable") from error


def _asset(runtime: Runtime, project_id: UUID, job_id: UUID, n: int) -> AssetRecord:
    with runtime.database.work() as session:
        if jobs.job_of_project(session, project_id, job_id) is None:
            raise NotFound(f"there is no job {job_id} in this project")
        assets = jobs.assets_of(session, [job_id])
    for asset in assets:
        if asset.n == n:
            return asset
    raise NotFound(f"job {job_id} has no asset {n}: it has {len(assets)} so far, counted from 0")
