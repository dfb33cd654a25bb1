"""A whole job at the sandbox and in a real S3 store: erased there, byte by byte."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from domain.generation import JobRequest
from domain.lifecycle import ENDED
from sandbox.config import Config
from sandbox.testing import ADMIN_KEY, FAL_KEY, SandboxServer
from services import erasing
from services.reading import job as read_job
from services.runtime import Runtime
from storage import jobs
from storage.objects.s3 import S3Store
from tests.support.direct import worked_on
from tests.support.everything import everything
from tests.support.front import new_project, running_parts
from tests.support.seaweed import start_seaweed
from tests.support.taking import accept
from tests.support.until import until
from tests.support.watching import watching

MARKER = "marker7f3a"
ENDPOINT = "fal-ai/flux/schnell"


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(Config(image_seconds=0.1, video_seconds=0.1)) as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Iterator[S3Store]:
    folder = tmp_path / "seaweed"
    folder.mkdir()
    server = start_seaweed(folder)
    made = S3Store("erased", endpoint_url=server.endpoint, session=server.session())
    made.ensure_bucket()
    yield made
    made.close()
    server.stop()


@contextmanager
def darkroom(url: str, folder: Path, sandbox: SandboxServer, store: S3Store) -> Iterator[Runtime]:
    """Darkroom with its watcher, between the sandbox and the store."""
    settings = {
        "fal_key": "sandbox-fal",
        "fal_admin_key": "sandbox-admin-fal",
        "fal_queue_url": sandbox.fal_queue_url,
        "fal_platform_url": sandbox.fal_platform_url,
        "fal_jwks_url": sandbox.fal_jwks_url,
        "sandbox_url": sandbox.url,
    }
    with (
        running_parts(url, folder, **settings) as parts,
        worked_on(replace(parts, objects=store)) as runtime,
        watching(runtime),
    ):
        yield runtime


def payload(sandbox: SandboxServer, request_id: str) -> dict[str, object]:
    """What fal shows of a request in its list, with what it keeps of it."""
    asked = {"endpoint_id": ENDPOINT, "request_id": request_id, "expand": "payloads"}
    found = sandbox.client.get(
        "/fal/platform/v1/models/requests/by-endpoint", params=asked, headers=ADMIN_KEY
    ).json()["items"]
    return dict(found[0])


def test_objects_payloads_and_records_are_gone_and_the_invoice_stands(
    database_url: str, tmp_path: Path, sandbox: SandboxServer, store: S3Store
) -> None:
    with darkroom(database_url, tmp_path, sandbox, store) as runtime:
        project_id = new_project(runtime).id
        body = {"model": "flux-schnell", "input": {"prompt": MARKER}, "routing": {"provider": "fal"}}
        request = JobRequest.model_validate(body)
        job_id = accept(runtime, project_id=project_id, request=request).job_id

        def job() -> dict[str, object]:
            return read_job(runtime, project_id, job_id)

        until(lambda: job()["status"] in ENDED, "the end of the job", 40)
        cost = job()["cost"]
        [row] = [line for line in sandbox.invoice().values() if line["nano_usd"]]
        with runtime.database.work() as session:
            [asset] = jobs.assets_of(session, [job_id])
        link = store.link(
            asset.key,
            expires_seconds=600,
            filename="a.png",
            disposition="inline",
            content_type=asset.content_type,
        )
        assert httpx.get(link, timeout=60, trust_env=False).status_code == 200
        kept = payload(sandbox, row["request_id"])
        assert MARKER in str(kept["json_input"])
        made = sandbox.client.get(
            f"/fal/queue/fal-ai/flux/requests/{row['request_id']}", headers=FAL_KEY
        ).json()["images"][0]["url"]
        assert httpx.get(made, timeout=60, trust_env=False).status_code == 200

        erasing.erase(runtime, project_id=project_id, job_id=job_id)
        assert MARKER not in everything(runtime)
        until(lambda: job()["erased_at"], "the erasure", 20)

        assert httpx.get(link, timeout=60, trust_env=False).status_code == 404
        assert store.stat(asset.key) is None
        assert MARKER not in str(payload(sandbox, row["request_id"]))
        assert httpx.get(made, timeout=60, trust_env=False).status_code == 404
        assert erasing.job_erasure(runtime, project_id, job_id)["provider"]["state"] == "erased"
        assert job()["cost"] == cost
        assert sandbox.invoice()[row["request_id"]]["nano_usd"] == row["nano_usd"]
