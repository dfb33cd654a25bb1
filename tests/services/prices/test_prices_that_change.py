"""A price that changes while jobs run: each costs what it was sent at, to the nano-dollar as fal bills it."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest

from domain.generation import JobRequest
from providers.base import Finished
from providers.fal import FalProvider
from sandbox.config import Config
from sandbox.testing import SandboxServer
from services.late import look
from services.prices.syncing import sync
from services.runtime import Runtime
from services.sights import handle_of
from services.submit import submit
from tests.support.engine import WORKER, Engine
from tests.support.taking import accept

FLUX = "fal-ai/flux/dev"


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(Config(manual_clock=True)) as running:
        yield running


def sent(engine: Engine, here: Runtime) -> UUID:
    """A new job that fal has taken."""
    body = {"model": "flux-dev", "input": {"prompt": "a kite", "size": "1000x1000"}}
    request = JobRequest.model_validate(body | {"routing": {"provider": "fal"}})
    job_id = accept(here, project_id=engine.project_id, request=request).job_id
    submit(here, [job_id], owner=WORKER)
    return job_id


def cost_of(engine: Engine, here: Runtime, job_id: UUID) -> int | None:
    """What the verdict on the job's request says that it cost."""
    verdict = look(here.providers["fal"], handle_of(engine.job(job_id), engine.attempt(job_id)))
    assert isinstance(verdict, Finished)
    return verdict.cost.nano


def billed(engine: Engine, sandbox: SandboxServer, job_id: UUID) -> int:
    """What fal's emulator charges for it."""
    nano: int = sandbox.invoice()[str(engine.attempt(job_id).provider_request_id)]["nano_usd"]
    return nano


def test_each_job_costs_the_price_of_its_submit(engine: Engine, sandbox: SandboxServer) -> None:
    base = f"{sandbox.url}/fal"
    fal = FalProvider("sandbox", f"{base}/queue", f"{base}/platform/v1", clock=engine.clock)
    here = replace(engine.runtime, providers={**engine.runtime.providers, "fal": fal})
    before = sent(engine, here)
    sandbox.client.patch("/control/settings", json={"fal_prices": {FLUX: "0.0333"}})
    engine.clock.advance(60)
    assert sync(here)["changed"] >= 1
    after = sent(engine, here)
    sandbox.advance(60)
    assert [engine.job(one).quoted_nano for one in (before, after)] == [25_000_000, 33_300_000]
    costs = [cost_of(engine, here, one) for one in (before, after)]
    assert costs == [billed(engine, sandbox, one) for one in (before, after)]
    assert costs[0] != costs[1]
