"""How a run of tests goes, and its one PostgreSQL; each engine has a fresh database of its own."""

import gc
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

import pytest

from services.runtime import Runtime
from tests.support.engine import Engine, running_engine
from tests.support.front import migrated, running_parts
from tests.support.postgres import Postgres, postgres_server
from tests.support.scratch import in_memory
from tests.support.spreading import Spreading, place

_TEARDOWN_SECONDS: Final = 120


def pytest_configure() -> None:
    if (memory := in_memory()) is not None:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=place)


def pytest_collection_finish() -> None:
    # What is there by now stays to the end: the collector need not go through it again and again.
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """Give up on a teardown that hangs: a test that failed has no limit any more, and the run would wait."""

    def give_up(*_: object) -> None:
        pytest.fail(f"The teardown of {item.nodeid} takes more than {_TEARDOWN_SECONDS} s.")

    signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, _TEARDOWN_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Spreading:
    config.option.loadscopereorder = False
    return Spreading(config, log)


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
