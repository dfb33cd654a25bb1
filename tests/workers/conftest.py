"""One Valkey and one sandbox for all of these tests."""

from collections.abc import Iterator

import pytest
from pytest_httpserver import HTTPServer

from sandbox.config import Config
from sandbox.testing import SandboxServer
from tests.support.valkey import valkey_server


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with valkey_server(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(Config(image_seconds=0.1, video_seconds=0.1)) as server:
        yield server


@pytest.fixture
def sandbox(running_sandbox: SandboxServer) -> SandboxServer:
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture(scope="session")
def make_httpserver() -> Iterator[HTTPServer]:
    """The server behind ``httpserver``, for media and callbacks: at an address that the settings allow."""
    with HTTPServer("127.0.0.1", 0) as running:
        yield running
