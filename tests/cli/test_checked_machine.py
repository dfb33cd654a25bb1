"""Python, disk and clock: where each is well, doubtful or wrong."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from cli.checked_machine import clock, disk, python
from cli.diagnosis import State
from cli.stack.ports import free_port
from services.settings import Settings
from tests.support.raw_server import raw_server


@pytest.mark.parametrize(
    ("version", "state"), [((3, 10, 9), State.FAIL), ((3, 11, 0), State.OK), ((4, 0, 0), State.OK)]
)
def test_python_must_be_new_enough(version: tuple[int, int, int], state: State) -> None:
    assert python(version).state is state


@pytest.mark.parametrize(
    ("free", "state"), [(10**8, State.FAIL), (2 * 10**9, State.WARN), (10**12, State.OK)]
)
def test_little_disk_space_is_told(free: int, state: State, tmp_path: Path) -> None:
    assert disk(tmp_path / "not" / "there" / "yet", free=free).state is state


def settings(**chosen: object) -> Settings:
    return Settings(_env_file=None, **chosen)  # type: ignore[arg-type]


@pytest.mark.parametrize(("off", "state"), [(0, State.OK), (60, State.WARN), (-3600, State.FAIL)])
def test_a_clock_that_is_not_the_providers_is_told(off: int, state: State) -> None:
    there = format_datetime(datetime.now(UTC) + timedelta(seconds=off), usegmt=True)
    with raw_server(f"HTTP/1.1 404 -\r\nDate: {there}\r\nContent-Length: 0\r\n\r\n".encode()) as url:
        assert clock(settings(fal_key=SecretStr("k"), fal_platform_url=url)).state is state


@pytest.mark.parametrize("headers", ["", "Date: soon\r\n"])
def test_a_provider_that_tells_no_time_tells_nothing(headers: str) -> None:
    with raw_server(f"HTTP/1.1 404 -\r\n{headers}Content-Length: 0\r\n\r\n".encode()) as url:
        assert clock(settings(fal_key=SecretStr("k"), fal_platform_url=url)).state is State.WARN


def test_where_nobody_tells_the_time_that_is_said() -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    database = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    asked = settings(database_url=database, linkmodel_api_key=SecretStr("k"), linkmodel_url=nobody)
    assert clock(asked).state is State.WARN
    assert clock(settings()).state is State.WARN
