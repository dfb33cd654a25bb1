"""The API on a real server; each test has a project of its own."""

from collections.abc import Iterator

import httpx
import pytest

from api.app import create_app
from services.runtime import Runtime
from tests.support.front import Project, new_project, served


@pytest.fixture(scope="session")
def url(runtime: Runtime) -> Iterator[str]:
    with served(create_app(runtime)) as address:
        yield address


@pytest.fixture
def project(runtime: Runtime, url: str) -> Project:
    return new_project(runtime, url)


@pytest.fixture
def client(project: Project) -> Iterator[httpx.Client]:
    with project.client() as made:
        yield made


@pytest.fixture
def anyone(url: str) -> Iterator[httpx.Client]:
    """A client without a key."""
    with httpx.Client(base_url=url, timeout=120, trust_env=False) as made:
        yield made
