"""Whole jobs on the real adapters against the sandbox, with the watcher and the services on threads."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from domain.generation import JobRequest
from domain.lifecycle import ENDED
from sandbox.testing import SandboxServer
from services.reading import job as read_job
from services.runtime import Runtime
from tests.support.direct import worked_on
from tests.support.front import new_project, running_parts
from tests.support.taking import accept
from tests.support.until import until
from tests.support.watching import watching


class Darkroom:
    """Parts that work on what they are given."""

    def __init__(self, runtime: Runtime, sandbox: SandboxServer) -> None:
        self.project_id = new_project(runtime).id
        self._runtime = runtime
        self._sandbox = sandbox

    def run(self, model: str, prompt: str, **fields: object) -> dict[str, object]:
        """A job, when it has ended."""
        body = {"model": model, "input": {"prompt": prompt}, "callback_url": self.callback, **fields}
        request = JobRequest.model_validate(body)
        job_id = accept(self._runtime, project_id=self.project_id, request=request).job_id
        until(lambda: self.read(job_id)["status"] in ENDED, f"the end of {prompt!r}", 40)
        return self.read(job_id)

    def read(self, job_id: UUID) -> dict[str, object]:
        return read_job(self._runtime, project_id=self.project_id, job_id=job_id)

    @property
    def callback(self) -> str:
        return f"{self._sandbox.url}/callbacks/{self.project_id}"

    @property
    def told(self) -> int:
        return len(self._sandbox.callbacks(str(self.project_id)))


@pytest.fixture
def darkroom(database_url: str, tmp_path: Path, sandbox: SandboxServer) -> Iterator[Darkroom]:
    settings = {
        "fal_key": "sandbox-fal",
        "fal_queue_url": sandbox.fal_queue_url,
        "fal_platform_url": sandbox.fal_platform_url,
        "fal_jwks_url": sandbox.fal_jwks_url,
        "linkmodel_api_key": "sandbox-linkmodel",
        "linkmodel_url": sandbox.linkmodel_url,
        "sandbox_url": sandbox.url,
    }
    with (
        running_parts(database_url, tmp_path, **settings) as parts,
        worked_on(parts) as runtime,
        watching(runtime),
    ):
        yield Darkroom(runtime, sandbox)


@pytest.mark.parametrize(
    ("model", "basis"), [("flux-schnell", "billable_units"), ("seedream-4.0", "provider_price")]
)
def test_a_job_runs_from_request_to_callback_and_costs_what_the_invoice_says(
    darkroom: Darkroom, sandbox: SandboxServer, model: str, basis: str
) -> None:
    job = darkroom.run(model, "a red kite")
    assert (job["status"], job["error"], job["sandbox"]) == ("succeeded", None, True)
    [line] = sandbox.invoice().values()
    assert isinstance(job["cost"], dict)
    assert (job["cost"]["nano_usd"], job["cost"]["basis"]) == (line["nano_usd"], basis)
    assert isinstance(job["assets"], list)
    assert len(job["assets"]) == 1
    assert isinstance(job["latency"], dict)
    phases = [spent for name, spent in job["latency"].items() if name != "total" and spent]
    assert sum(phases) == pytest.approx(job["latency"]["total"], abs=0.02)
    until(lambda: darkroom.told == 1, "the callback")


@pytest.mark.parametrize(
    ("scenario", "status", "code"),
    [
        ("drop_after_accept", "succeeded", None),
        ("moderation", "failed", "content_policy"),
        ("media_redirect=http://10.0.0.1/1.png", "failed", "asset_unavailable"),
        ("media_500_once", "succeeded", None),
    ],
)
def test_trouble_at_the_provider_is_told_as_it_is_and_never_paid_twice(
    darkroom: Darkroom, sandbox: SandboxServer, scenario: str, status: str, code: str | None
) -> None:
    job = darkroom.run("flux-schnell", f"a kite [sandbox:{scenario}]")
    error = job["error"]
    assert (job["status"], error["code"] if isinstance(error, dict) else None) == (status, code)
    assert len(sandbox.submits()) == 1
