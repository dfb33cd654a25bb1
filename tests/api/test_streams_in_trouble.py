"""Streams whose viewers are many, slow or gone, whose database goes away, and whose server ends or is new."""

import socket
import sys
import time
from contextlib import suppress
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from structlog.testing import capture_logs

from api.following import Pace
from cli.stack.child import Program
from cli.stack.ports import free_port, listening
from services.access import Scope, create_key
from services.runtime import Runtime
from storage import jobs
from tests.support.front import Project, migrated, new_project, running_parts
from tests.support.outage import database_away
from tests.support.postgres import Postgres
from tests.support.rows import NOON, a_job, keep
from tests.support.running import running
from tests.support.streams import LIVE, following, staged
from tests.support.until import until

QUICK = Pace(beat=0.1, stalled=1.0)


def test_a_silent_stream_gives_signs_of_life(runtime: Runtime) -> None:
    with (
        staged(runtime, pace=QUICK) as here,
        here.project.client() as client,
        client.stream("GET", here.path, headers=LIVE) as answer,
    ):
        lines = answer.iter_lines()
        assert ": still here" in islice(lines, 40)
        here.step("submitted")
        assert "event: submitted" in islice(lines, 40)


def test_more_viewers_than_there_is_room_for_are_put_off(runtime: Runtime) -> None:
    with (
        staged(runtime, most=1) as here,
        here.project.client() as client,
        here.project.client() as other,
        following(client, here.path) as told,
    ):
        next(told)
        answer = other.get(here.path, headers=LIVE)
        assert (answer.status_code, answer.json()["code"]) == (503, "too_many_viewers")
        assert int(answer.headers["retry-after"]) > 0


def test_a_viewer_who_takes_nothing_is_cut(runtime: Runtime) -> None:
    with staged(runtime, pace=QUICK) as here:
        with runtime.database.work() as session:
            for _ in range(600):
                jobs.note(session, here.job_id, "large", NOON, data={"said": "kite" * 8_000})
        with _asking(here.project, here.path, room=4096) as viewer:
            here.come_to(1)
            here.come_to(0)
            # What was on its way is all that there is: the stream has no end of its own.
            with suppress(ConnectionResetError):
                while viewer.recv(65_536):
                    pass
        with here.project.client() as client, following(client, here.path) as told:
            assert len(list(islice(told, 602))) == 602


def test_a_database_that_goes_away_ends_no_stream(server: Postgres, tmp_path: Path) -> None:
    database = server.database(migrated(server))
    with (
        running_parts(database, tmp_path) as runtime,
        staged(runtime) as here,
        here.project.client() as client,
        following(client, here.path) as told,
    ):
        assert [one.type for one in islice(told, 2)] == ["accepted", "queued"]
        with capture_logs() as logs, database_away(server, database):
            until(lambda: any(entry["event"] == "news_not_read" for entry in logs), "a vain question")
        here.step("submitted")
        assert next(told).type == "submitted"
        here.end()
        assert [one.type for one in told] == ["canceled", "end"]


def test_another_server_goes_on_where_one_has_left_off(runtime: Runtime) -> None:
    with staged(runtime) as here, here.project.client() as client, following(client, here.path) as told:
        seen = next(told).id
        key = create_key(runtime, project_id=here.project.id, name="test", scope=Scope.READ)["key"]
    here.step("submitted")
    headers = {"Authorization": f"Bearer {key}"}
    with (
        staged(runtime) as there,
        httpx.Client(base_url=there.project.url, headers=headers, timeout=60, trust_env=False) as client,
        following(client, here.path, seen) as told,
    ):
        assert [one.type for one in islice(told, 2)] == ["queued", "submitted"]


def test_a_server_that_is_to_stop_ends_streams_and_waits_at_once(runtime: Runtime, tmp_path: Path) -> None:
    port = free_port()
    command = (sys.executable, "-m", "uvicorn", "--factory", "api.app:create", "--port", str(port))
    settings = {
        "DARKROOM_DATABASE_URL": runtime.database.url,
        "DARKROOM_REDIS_URL": "redis://127.0.0.1:1",
        "DARKROOM_SECRET_KEY": "a secret of the tests",
        "DARKROOM_DATA_DIR": str(tmp_path),
    }
    project = new_project(runtime, f"http://127.0.0.1:{port}")
    job = a_job(project_id=project.id)
    keep(runtime, job)
    with runtime.database.work() as session:
        jobs.note(session, job.id, "accepted", NOON)
    program = Program("web", (*command, "--timeout-graceful-shutdown", "5"), settings)
    with (
        running(program, lambda: listening(port), tmp_path) as child,
        _asking(project, f"/v1/jobs/{job.id}?wait=60") as waiter,
        project.client() as client,
        following(client, f"/v1/jobs/{job.id}/events") as told,
    ):
        assert next(told).type == "accepted"
        begun = time.monotonic()
        child.ask_to_stop()
        assert list(told) == []
        assert b'"status":"queued"' in waiter.makefile("rb").read()
        assert child.wait(60)
        assert time.monotonic() - begun < 3


def _asking(project: Project, path: str, *, room: int = 65_536) -> socket.socket:
    """A client that asks, and reads nothing by itself; it has room for so many bytes, and the system's."""
    key = create_key(project.runtime, project_id=project.id, name="test", scope=Scope.READ)["key"]
    address = urlsplit(project.url)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    client.settimeout(60)
    client.connect((address.hostname, address.port))
    head = f"GET {path} HTTP/1.1\r\nHost: here\r\nAccept: text/event-stream\r\nAuthorization: Bearer {key}"
    client.sendall(f"{head}\r\n\r\n".encode())
    return client
