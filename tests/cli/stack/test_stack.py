"""The whole stack as one object."""

import io
import socket
from pathlib import Path

import httpx
import pytest

from cli.stack.console import Console
from cli.stack.failures import FolderInUse, PortTaken, StackError
from cli.stack.ports import listening
from cli.stack.stack import Stack
from tests.support.apps import failing, settings_in, small


@pytest.fixture
def shown() -> io.StringIO:
    return io.StringIO()


def test_it_starts_answers_stops_and_keeps_its_data(tmp_path: Path, shown: io.StringIO) -> None:
    settings = settings_in(tmp_path)
    for start in (1, 2):
        stack = Stack(settings, Console(shown), small())
        stack.start()
        stack.wait_ready()
        assert listening(settings.port)
        assert stack.sandbox_url is None
        stack.check()
        stack.stop()
        assert f"migrate   | start {start}" in shown.getvalue()
        assert not listening(settings.port)
    logs = {path.name for path in stack.folder.logs.iterdir()}
    assert logs == {"postgres.log", "valkey.log", "migrate.log", "web.log", "worker.log"}


def test_services_stop_after_what_uses_them(tmp_path: Path, shown: io.StringIO) -> None:
    stack = Stack(settings_in(tmp_path), Console(shown), small())
    stack.start()
    stack.stop()
    lines = shown.getvalue()
    assert lines.index("Valkey is now ready to exit") < lines.index("received fast shutdown request")
    assert lines.rstrip().endswith("database system is shut down")


def test_stopping_again_or_before_the_start_does_nothing(tmp_path: Path, shown: io.StringIO) -> None:
    stack = Stack(settings_in(tmp_path), Console(shown), small())
    stack.check()
    stack.stop()
    stack.stop()
    assert shown.getvalue() == ""


@pytest.mark.parametrize(
    ("field", "name"), [("port", "DARKROOM_PORT"), ("flower_port", "DARKROOM_FLOWER_PORT")]
)
def test_a_taken_port_is_said_before_anything_starts(
    field: str, name: str, tmp_path: Path, shown: io.StringIO
) -> None:
    settings = settings_in(tmp_path)
    with socket.create_server(("127.0.0.1", getattr(settings, field))):
        stack = Stack(settings, Console(shown), small())
        with pytest.raises(PortTaken, match=name):
            stack.start()
    assert not stack.folder.postgres.exists()
    stack.start()
    stack.stop()


def test_a_second_stack_on_the_same_folder_is_refused(tmp_path: Path, shown: io.StringIO) -> None:
    first = Stack(settings_in(tmp_path), Console(shown), small())
    first.start()
    with pytest.raises(FolderInUse):
        Stack(settings_in(tmp_path), Console(shown), small()).start()
    first.stop()


def test_a_step_that_fails_stops_what_had_started(tmp_path: Path, shown: io.StringIO) -> None:
    stack = Stack(settings_in(tmp_path), Console(shown), failing("exit('schema too new')"))
    with pytest.raises(StackError, match="migrate failed") as caught:
        stack.start()
    assert caught.value.last_lines == ("schema too new",)
    assert shown.getvalue().rstrip().endswith("database system is shut down")


def test_what_is_not_ready_is_told_when_the_patience_ends(tmp_path: Path, shown: io.StringIO) -> None:
    stack = Stack(settings_in(tmp_path), Console(shown), small(status=503))
    stack.start()
    try:
        with pytest.raises(
            StackError, match=r"not ready after 3 s: /readyz says 503: {\"database\": \"down\"}"
        ):
            stack.wait_ready(3)
    finally:
        stack.stop()


def test_your_own_services_are_used_and_none_embedded(tmp_path: Path, shown: io.StringIO) -> None:
    first = Stack(settings_in(tmp_path / "one"), Console(shown), small())
    first.start()
    own = {
        "database_url": first.environment["DARKROOM_DATABASE_URL"],
        "redis_url": first.environment["DARKROOM_REDIS_URL"],
    }
    second = Stack(settings_in(tmp_path / "two", **own), Console(shown), small())
    second.start()
    second.wait_ready()
    assert "migrate   | start 2" in shown.getvalue()
    assert not second.folder.postgres.exists()
    assert not second.folder.valkey.exists()
    second.stop()
    first.stop()


def test_the_sandbox_runs_where_a_provider_has_no_key(tmp_path: Path, shown: io.StringIO) -> None:
    settings = settings_in(tmp_path, linkmodel_api_key=None)
    stack = Stack(settings, Console(shown), small())
    assert stack.plan.sandbox
    stack.start()
    assert stack.sandbox_url is not None
    answer = httpx.get(f"{stack.sandbox_url}/control/invoice", timeout=60, trust_env=False)
    stack.stop()
    assert answer.status_code == 200
    assert answer.headers["x-darkroom-sandbox"] == "1"
