"""The process that calls back: what it has begun is told again after a kill, and finished when it stops."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from cli.stack.child import Child, Program
from services.cancel import cancel
from services.deliver import LEASE, deliver
from storage.queue import CeleryQueue, make_app
from storage.records import DeliveryRecord
from tests.support.engine import WORKER, Engine
from tests.support.running import running
from tests.support.until import until

pytestmark = pytest.mark.timeout(120)


@dataclass
class Slow:
    """A receiver that takes its time for each, until it is let go."""

    go: threading.Event = field(default_factory=threading.Event)
    ids: list[str] = field(default_factory=list)

    def answer(self, request: Request) -> Response:
        self.ids.append(request.headers["webhook-id"])
        self.go.wait(60)
        return Response("ok")


@pytest.fixture
def slow(httpserver: HTTPServer) -> Iterator[Slow]:
    receiver = Slow()
    httpserver.expect_request("/hook").respond_with_handler(receiver.answer)
    yield receiver
    receiver.go.set()


@contextmanager
def callbacks_process(engine: Engine, valkey: str, folder: Path) -> Iterator[Child]:
    """The worker of the queue ``callbacks``, as the stack runs it."""
    command = (sys.executable, "-m", "celery", "-A", "workers.app:app", "worker", "-Q", "callbacks")
    settings = {
        "DARKROOM_DATABASE_URL": engine.runtime.database.url,
        "DARKROOM_REDIS_URL": valkey,
        "DARKROOM_SECRET_KEY": "a secret of the tests",
        "DARKROOM_DATA_DIR": str(folder),
        "DARKROOM_PRIVATE_HOSTS": "127.0.0.1",
        "REMAP_SIGTERM": "SIGQUIT",
    }
    more = ("--pool", "threads", "-c", "4", "--loglevel", "WARNING")
    worker = Program("callbacks", (*command, *more), settings)
    with running(worker, lambda: bool(make_app(valkey).control.ping(timeout=0.5)), folder / "logs") as child:
        yield child


def begun(engine: Engine, valkey: str, url: str, slow: Slow) -> DeliveryRecord:
    """A delivery that the process has begun to send, and that its receiver has not answered."""
    job_id = engine.accept(callback_url=url)
    cancel(engine.runtime, project_id=engine.project_id, job_id=job_id)
    CeleryQueue(valkey).publish(engine.claim().notes)
    until(lambda: slow.ids, "the first try", 30)
    [one] = engine.deliveries(job_id)
    return one


def test_what_a_killed_process_had_begun_is_told_again_with_the_same_id(
    engine: Engine, valkey: str, httpserver: HTTPServer, slow: Slow, tmp_path: Path
) -> None:
    with callbacks_process(engine, valkey, tmp_path) as child:
        one = begun(engine, valkey, httpserver.url_for("/hook"), slow)
        os.killpg(child.group, signal.SIGKILL)
    slow.go.set()
    assert one.owner is not None
    assert one.owner.startswith("worker:")
    engine.clock.advance((datetime.now(UTC) - engine.clock()).total_seconds() + LEASE.total_seconds())
    [note] = engine.claim().notes
    deliver(engine.runtime, note.ids, owner=WORKER)
    assert slow.ids == [str(one.event_id)] * 2
    [tried] = engine.tries(one.id)
    assert (tried.number, tried.status_code) == (1, 200)


def test_a_process_that_is_stopped_finishes_what_it_has_begun(
    engine: Engine, valkey: str, httpserver: HTTPServer, slow: Slow, tmp_path: Path
) -> None:
    with callbacks_process(engine, valkey, tmp_path) as child:
        one = begun(engine, valkey, httpserver.url_for("/hook"), slow)
        child.ask_to_stop()
        until(lambda: "hutdown" in _log(tmp_path) or "Shut" in _log(tmp_path), "the stop", 10)
        slow.go.set()
        until(lambda: child.poll() is not None, "the end", 30)
    [tried] = engine.tries(one.id)
    assert (tried.number, tried.status_code) == (1, 200)
    assert slow.ids == [str(one.event_id)]


def _log(folder: Path) -> str:
    return (folder / "logs" / "callbacks.log").read_text()
