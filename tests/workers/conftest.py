"""One PostgreSQL, one Valkey and one sandbox for all of these tests; each has a fresh database of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.config import Config
from sandbox.testing import SandboxServer
from tests.support.engine import Engine, running_engine
from tests.support.front import migrated
from tests.support.postgres import Postgres, postgres_server
from tests.support.valkey import valkey_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with postgres_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def template(server: Postgres) -> str:
    return migrated(server)


@pytest.fixture
def database_url(server: Postgres, template: str) -> Iterator[str]:
    url = server.database(template)
    yield url
    server.drop(url)


@pytest.fixture
def engine(database_url: str, tmp_path: Path) -> Iterator[Engine]:
    with running_engine(database_url, tmp_path) as made:
        yield made


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
def httpserver_listen_address() -> tuple[str, int]:
    """Where media and callback servers listen: an address that the settings allow."""
    return "127.0.0.1", 0
