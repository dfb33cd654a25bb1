"""A double of Darkroom that the commands ask."""

import pytest
from pytest_httpserver import HTTPServer

from tests.support.batch_double import BatchDouble


@pytest.fixture
def double(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> BatchDouble:
    made = BatchDouble(httpserver)
    monkeypatch.setenv("DARKROOM_URL", made.url)
    monkeypatch.setenv("DARKROOM_API_KEY", "dk_test")
    return made
