"""Asking every part whether it is well."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.health import Health
from services.runtime import Runtime
from storage.health import beat
from tests.support.front import running_parts
from tests.support.valkey import valkey_server


@pytest.fixture
def runtime(database_url: str, tmp_path: Path) -> Iterator[Runtime]:
    with running_parts(database_url, tmp_path / "data") as parts:
        yield parts


NOWHERE = "postgresql://postgres@127.0.0.1:1/darkroom"


def told(view: dict[str, Any], part: str) -> str:
    """What a part's check says is wrong."""
    message: str = view["checks"][part]["message"]
    assert view["checks"][part]["ok"] is False
    return message


def with_redis(runtime: Runtime, url: str | None) -> Runtime:
    return replace(runtime, settings=runtime.settings.model_copy(update={"redis_url": url}))


def test_with_every_part_well_it_is_ready(runtime: Runtime, tmp_path: Path) -> None:
    beat(runtime.database, "watcher", runtime.clock())
    with valkey_server(tmp_path) as url:
        found = Health(with_redis(runtime, url)).check()
    assert found.ready
    assert found.view["degraded"] is False
    assert {name: check["message"] for name, check in found.view["checks"].items()} == {
        "database": None,
        "redis": None,
        "object_store": None,
        "watcher": None,
    }


def test_without_redis_it_is_ready_and_says_what_is_wrong(runtime: Runtime) -> None:
    beat(runtime.database, "watcher", runtime.clock())
    found = Health(runtime).check()
    assert found.ready
    assert found.view["degraded"] is True
    assert "jobs are accepted meanwhile" in told(found.view, "redis")


@pytest.mark.parametrize("url", [None, "amqp://guest@127.0.0.1:1//"])
def test_another_broker_is_not_asked(runtime: Runtime, url: str | None) -> None:
    beat(runtime.database, "watcher", runtime.clock())
    assert Health(with_redis(runtime, url)).check().view["checks"]["redis"]["ok"] is True


def test_a_redis_that_swallows_packets_holds_nothing_up(runtime: Runtime) -> None:
    beat(runtime.database, "watcher", runtime.clock())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        found = Health(with_redis(runtime, address_of(silent))).check()
        assert time.monotonic() - begun < 3.5
    assert found.ready
    assert "Redis does not answer (TimeoutError)" in told(found.view, "redis")


def test_a_part_that_owes_an_answer_is_not_asked_twice(runtime: Runtime) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        health = Health(with_redis(runtime, address_of(silent)), seconds=0.1)
        views = [health.check().view for _ in range(3)]
        assert questions(silent) == 1
    assert all("has not answered in time" in told(view, "redis") for view in views)


def address_of(silent: socket.socket) -> str:
    return f"redis://127.0.0.1:{silent.getsockname()[1]}"


def questions(silent: socket.socket) -> int:
    """How many connections wait to be answered."""
    silent.setblocking(False)
    count = 0
    with suppress(BlockingIOError):
        while True:
            silent.accept()[0].close()
            count += 1
    return count


def test_without_the_database_it_is_not_ready(tmp_path: Path) -> None:
    with running_parts(NOWHERE, tmp_path) as runtime:
        found = Health(runtime).check()
    assert not found.ready
    assert "DARKROOM_DATABASE_URL" in told(found.view, "database")
    assert "while the database does not answer" in told(found.view, "watcher")


def test_an_object_store_that_cannot_be_written_says_so(runtime: Runtime, tmp_path: Path) -> None:
    beat(runtime.database, "watcher", runtime.clock())
    (tmp_path / "objects").write_text("a file where the store's folder belongs")
    with running_parts(runtime.database.url, tmp_path) as blocked:
        found = Health(blocked).check()
    assert not found.ready
    assert str(tmp_path / "objects") in told(found.view, "object_store")


def test_a_watcher_that_never_ran_or_went_silent_is_missed(runtime: Runtime) -> None:
    never = Health(runtime).check()
    beat(runtime.database, "watcher", runtime.clock() - timedelta(seconds=40))
    silent = Health(runtime).check()
    assert (never.ready, silent.ready) == (False, False)
    assert "none has ever run: start one with `python -m workers.watcher`" in told(never.view, "watcher")
    assert "the last one was alive 40 s ago" in told(silent.view, "watcher")
