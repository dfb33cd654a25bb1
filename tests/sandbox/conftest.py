"""The sandbox that these tests look at: a real server on a clock that only moves when told."""

from collections.abc import Iterator

import pytest

from sandbox.config import Config
from sandbox.testing import SandboxServer


@pytest.fixture(scope="session")
def _shared_server() -> Iterator[SandboxServer]:
    with SandboxServer(Config(manual_clock=True, seed=7)) as running:
        yield running


@pytest.fixture
def server(_shared_server: SandboxServer) -> Iterator[SandboxServer]:
    yield _shared_server
    changed = Config(manual_clock=True, seed=7).model_dump(mode="json", exclude={"seed", "manual_clock"})
    _shared_server.client.patch("/control/settings", json=changed).raise_for_status()
    _shared_server.reset()
