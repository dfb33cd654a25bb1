"""One PostgreSQL for all of these tests; each engine has a fresh database of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from tests.support.engine import Engine, running_engine
from tests.support.front import migrated
from tests.support.postgres import Postgres, postgres_server


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
def make_httpserver() -> Iterator[HTTPServer]:
    """The server behind ``httpserver``, for media and callbacks: it takes many requests at a time."""
    with HTTPServer("127.0.0.1", 0, threaded=True) as running:
        yield running
