"""A server for media and callbacks that takes many requests at a time."""

from collections.abc import Iterator

import pytest
from pytest_httpserver import HTTPServer


@pytest.fixture(scope="session")
def make_httpserver() -> Iterator[HTTPServer]:
    """The server behind ``httpserver``, for media and callbacks: it takes many requests at a time."""
    with HTTPServer("127.0.0.1", 0, threaded=True) as running:
        yield running
