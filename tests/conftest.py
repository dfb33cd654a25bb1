"""One PostgreSQL for a whole run of tests; each engine has a fresh database of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.runtime import Runtime
from tests.support.engine import Engine, running_engine
from tests.support.front import migrated, running_parts
from tests.support.postgres import Postgres, postgres_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with postgres_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def template(server: Postgres) -> str:
    """A database at the newest schema, to be copied."""
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
def runtime(server: Postgres, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """The parts behind the API, on one database that its tests share; each test has a project of its own."""
    with running_parts(server.database(template), tmp_path_factory.mktemp("data")) as parts:
        yield parts
