"""One stack for all tests that can share it: starting one takes longer than most of what they ask of it."""

from collections.abc import Iterator

import pytest

from tests.acceptance.production import Production, production
from tests.acceptance.world import World, world


@pytest.fixture(scope="package")
def darkroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Darkroom on its embedded parts, pointed at the emulators."""
    with world(tmp_path_factory.mktemp("darkroom")) as running:
        yield running


@pytest.fixture(scope="package")
def own_services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """Darkroom on PostgreSQL 15, Redis and S3 of one's own, with webhooks and an admin key at fal."""
    with production(tmp_path_factory.mktemp("production")) as running:
        yield running
