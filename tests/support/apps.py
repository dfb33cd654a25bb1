"""Stacks for tests: embedded services as ever, with small programs in the place of Darkroom's own."""

from collections.abc import Callable
from pathlib import Path

from cli.stack.applications import Applications
from cli.stack.ports import free_port
from services.settings import Settings
from tests.support.programs import python, waiting, web

# Reaches the database and the queue as Darkroom's own steps do: by what the environment says.
_MIGRATE = """
import os, psycopg, redis
with psycopg.connect(os.environ["DARKROOM_DATABASE_URL"].replace("+psycopg", "")) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS starts (n int)")
    connection.execute("INSERT INTO starts VALUES (1)")
    print("start", connection.execute("SELECT count(*) FROM starts").fetchone()[0])
redis.Redis.from_url(os.environ["DARKROOM_REDIS_URL"]).ping()
"""


def settings_in(folder: Path, **chosen: str | None) -> Settings:
    """Settings for a stack in ``folder`` on free ports, with keys for the providers: so without a sandbox."""
    return Settings(
        _env_file=None,
        data_dir=folder / "var",
        port=free_port(),
        flower_port=free_port(),
        **{"fal_key": "fal", "linkmodel_api_key": "linkmodel", **chosen},  # type: ignore[arg-type]
    )


def small(status: int = 200) -> Callable[[int, int], Applications]:
    """A step that uses the services, a web server that answers with ``status``, and one more process."""
    return lambda port, _: Applications(
        (python("migrate", _MIGRATE),), (web(port, status), waiting("worker"))
    )


def failing(source: str) -> Callable[[int, int], Applications]:
    """A step that runs ``source``, and no process."""
    return lambda _port, _flower: Applications((python("migrate", source),), ())


def dying(source: str) -> Callable[[int, int], Applications]:
    """A web server, and beside it a process that runs ``source``."""
    return lambda port, _: Applications((), (web(port), python("watcher", source)))
