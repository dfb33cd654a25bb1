"""The parts of Darkroom in this process, on a database of a measurement."""

from collections.abc import Iterator
from contextlib import contextmanager

from bench.world import World
from services.build import build
from services.runtime import Runtime
from services.settings import Settings


@contextmanager
def built(world: World, database_url: str) -> Iterator[Runtime]:
    """Built on ``database_url``; Redis does not answer."""
    parts = build(
        Settings(
            _env_file=None,
            database_url=database_url,
            redis_url="redis://127.0.0.1:1",
            secret_key="a secret of the benchmark",  # noqa: S106 - made up
            fal_key="bench",
            linkmodel_api_key="bench",
            data_dir=world.own_folder("var"),
        )
    )
    try:
        yield parts
    finally:
        parts.database.close()
