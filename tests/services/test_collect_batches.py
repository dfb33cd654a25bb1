"""Collecting many jobs at once: side by side, each ending by itself, and all of them exactly once."""

import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from domain.costs import Basis, Cost
from domain.lifecycle import AttemptStatus, JobStatus
from providers.base import Finished, Output
from services.collect import collect
from services.reading import job as read_job
from storage import jobs
from storage.objects.local import LocalStore
from tests.support.engine import WORKER, Engine
from tests.support.files import a_film, a_picture
from tests.support.raw_server import raw_server
from tests.support.rows import an_attempt, keep
from tests.support.until import until

PAID = Cost(20_000_000, Basis.PROVIDER_PRICE, final=True)


def storing(engine: Engine, *urls: str, **fields: Any) -> UUID:  # noqa: ANN401
    """A job whose generation has finished with these files."""
    job_id = engine.running(**fields)
    engine.sees(job_id, Finished(tuple(Output(url) for url in urls), PAID))
    return job_id


def serve(server: HTTPServer, path: str, body: bytes, status: int = 200) -> str:
    server.expect_request(path).respond_with_data(body, status=status)
    return server.url_for(path)


def many(engine: Engine, server: HTTPServer, count: int) -> list[UUID]:
    return [storing(engine, serve(server, f"/{number}", a_picture())) for number in range(count)]


def statuses(engine: Engine, job_ids: Sequence[UUID]) -> list[str]:
    return [engine.job(job_id).status for job_id in job_ids]


def test_one_bad_file_spoils_nothing_for_the_others(engine: Engine, httpserver: HTTPServer) -> None:
    good = many(engine, httpserver, 6)
    html = storing(engine, serve(httpserver, "/html", b"<!doctype html><title>Sign in</title>"))
    away = storing(engine, "http://127.0.0.1:1/1.png")
    never = storing(engine, "http://10.0.0.1/1.png")
    collect(engine.runtime, [html, *good[:3], away, never, *good[3:]], owner=WORKER)
    assert statuses(engine, good) == ["succeeded"] * 6
    assert statuses(engine, [html, away, never]) == ["storing", "storing", "failed"]
    assert (engine.due_in(html), engine.due_in(away)) == (1.0, 2.0)
    assert all(engine.steps(job_id)[-3:] == ["downloaded", "stored", "succeeded"] for job_id in good)


def test_two_workers_with_the_same_jobs_store_each_once(engine: Engine, httpserver: HTTPServer) -> None:
    job_ids = many(engine, httpserver, 8)
    start = threading.Barrier(3)

    def work(number: int) -> None:
        start.wait()
        collect(engine.runtime, job_ids if number % 2 else job_ids[::-1], owner=f"worker:{number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses(engine, job_ids) == ["succeeded"] * 8
    assert sorted(request.path for request, _ in httpserver.log) == [f"/{number}" for number in range(8)]
    assert [len(engine.told(job_id)) for job_id in job_ids] == [1] * 8
    assert engine.held_and_spent() == (0, 8 * 20_000_000)


def test_at_most_four_files_come_at_a_time(engine: Engine, httpserver: HTTPServer) -> None:
    lock, now, most = threading.Lock(), 0, 0
    four = threading.Barrier(4)

    def hand_out(_: Request) -> Response:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        four.wait(timeout=60)
        with lock:
            now -= 1
        return Response(a_picture())

    httpserver.expect_request("/1").respond_with_handler(hand_out)
    job_ids = [storing(engine, httpserver.url_for("/1")) for _ in range(8)]
    collect(engine.runtime, job_ids, owner=WORKER)
    assert statuses(engine, job_ids) == ["succeeded"] * 8
    assert most == 4


def test_what_a_slow_host_keeps_waiting_is_given_back_at_once(engine: Engine, httpserver: HTTPServer) -> None:
    begun, given_back = threading.Semaphore(0), threading.Event()

    def slow(_: Request) -> Response:
        begun.release()
        given_back.wait(timeout=60)
        return Response(a_picture())

    httpserver.expect_request("/slow").respond_with_handler(slow)
    job_ids = [storing(engine, httpserver.url_for("/slow")) for _ in range(4)]
    waiting = many(engine, httpserver, 2)
    worker = threading.Thread(
        target=collect,
        args=(engine.runtime, [*job_ids, *waiting]),
        kwargs={"owner": "worker:held-up", "begin_seconds": 0.2},
    )
    worker.start()
    for _ in job_ids:
        begun.acquire(timeout=60)
    until(
        lambda: all(row is not None and row.owner is None for row in map(engine.agenda, waiting)),
        "giving back what was not begun",
    )
    # The four that are under way stay with their worker; the others need not wait for it.
    collect(engine.runtime, job_ids, owner="worker:other")
    given_back.set()
    worker.join()
    assert statuses(engine, job_ids) == ["succeeded"] * 4
    assert statuses(engine, waiting) == ["storing"] * 2
    engine.work()
    assert statuses(engine, waiting) == ["succeeded"] * 2
    assert len(httpserver.log) == 6


class StoppedAt(LocalStore):
    """A store in whose hands the worker is told to stop, at one job."""

    job_id: UUID

    def put(self, key: str, path: Path, *, content_type: str, sha256: str) -> None:
        if str(self.job_id) in key:
            raise KeyboardInterrupt
        super().put(key, path, content_type=content_type, sha256=sha256)


def test_a_worker_that_is_stopped_hands_back_what_it_has_not_brought_home(
    engine: Engine, httpserver: HTTPServer, tmp_path: Path
) -> None:
    begun, stopped = threading.Semaphore(0), threading.Event()

    def slow(_: Request) -> Response:
        begun.release()
        stopped.wait(timeout=60)
        return Response(a_picture())

    def last(_: Request) -> Response:
        for _one in slow_ones:
            begun.acquire(timeout=60)
        return Response(a_picture())

    httpserver.expect_request("/slow").respond_with_handler(slow)
    httpserver.expect_request("/last").respond_with_handler(last)
    slow_ones = [storing(engine, httpserver.url_for("/slow")) for _ in range(3)]
    stop = storing(engine, httpserver.url_for("/last"))
    waiting = storing(engine, httpserver.url_for("/slow"))
    store = StoppedAt(tmp_path / "store", b"secret", "http://127.0.0.1")
    store.job_id = stop
    with pytest.raises(KeyboardInterrupt):
        collect(replace(engine.runtime, objects=store), [*slow_ones, stop, waiting], owner="worker:stopped")
    assert [engine.due_in(job_id) for job_id in [*slow_ones, waiting]] == [0] * 4
    stopped.set()
    collect(engine.runtime, [*slow_ones, waiting], owner="worker:next")
    assert statuses(engine, [*slow_ones, waiting]) == ["succeeded"] * 4
    assert all(engine.steps(job_id).count("downloaded") == 1 for job_id in slow_ones)


def test_a_transfer_that_breaks_off_between_two_files_costs_only_that_file(
    engine: Engine, httpserver: HTTPServer
) -> None:
    first = serve(httpserver, "/first", a_picture())
    second = serve(httpserver, "/second", a_picture())
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nContent-Type: image/png\r\n\r\n"
    with raw_server(head + a_picture()) as broken:
        job_id = storing(engine, first, f"{broken}/2.png")
        collect(engine.runtime, [job_id], owner=WORKER)
    assert [asset.n for asset in engine.assets(job_id)] == [0]
    assert engine.steps(job_id)[-2:] == ["downloaded", "store_failed"]
    with engine.runtime.database.work() as session:
        _, attempt = jobs.lock_attempt(session, engine.attempt(job_id).id)
        outputs = attempt.outputs or []
        attempt.outputs = [outputs[0], outputs[1] | {"url": second}]
    engine.clock.advance(1)
    collect(engine.runtime, [job_id], owner=WORKER)
    assert engine.job(job_id).status == JobStatus.SUCCEEDED
    assert [request.path for request, _ in httpserver.log] == ["/first", "/second"]
    assert engine.steps(job_id)[-3:] == ["downloaded", "stored", "succeeded"]


def test_customers_are_told_exactly_what_the_api_shows(engine: Engine, httpserver: HTTPServer) -> None:
    url = "https://example.com/hook"
    film = storing(
        engine,
        serve(httpserver, "/film", a_film()),
        model="film",
        prompt='„Größe“ "quoted" \\ 🪁 \u2028',
        callback_url=url,
        tags={"team": "söder"},
    )
    pictures = storing(engine, *(serve(httpserver, f"/{n}", a_picture()) for n in range(3)))
    collect(engine.runtime, [film, pictures], owner=WORKER)
    for job_id in (film, pictures):
        [event] = engine.told(job_id)
        told = json.loads(event.body)
        assert told["type"] == event.type == "job.succeeded"
        assert told["data"] == read_job(engine.runtime, project_id=engine.project_id, job_id=job_id)
        assert told["data"]["ended_at"] == told["timestamp"]
    assert [one.url for one in engine.deliveries(film)] == [url]
    assert list(engine.deliveries(pictures)) == []
    [note] = engine.claim().notes
    assert note.task == "deliver"


def after_another_try(engine: Engine, url: str, cost_nano: int | None) -> UUID:
    """A storing job that had an earlier attempt with this cost."""
    job_id = storing(engine, url)
    with engine.runtime.database.work() as session:
        _, attempt = jobs.lock_attempt(session, engine.attempt(job_id).id)
        attempt.number = 2
    earlier = an_attempt(
        engine.job(job_id),
        status=AttemptStatus.FAILED,
        cost_nano=cost_nano,
        cost_basis=None if cost_nano is None else Basis.BILLABLE_UNITS,
        cost_final=cost_nano is not None,
        billed_units=Decimal(1),
    )
    keep(engine.runtime, earlier)
    return job_id


def test_the_cost_is_the_sum_of_all_attempts_and_frees_the_reserve(
    engine: Engine, httpserver: HTTPServer
) -> None:
    job_id = after_another_try(engine, serve(httpserver, "/1", a_picture()), 7_000_000)
    held, _ = engine.held_and_spent()
    assert held > 0
    collect(engine.runtime, [job_id], owner=WORKER)
    job = engine.job(job_id)
    assert (job.cost_nano, job.cost_basis, job.cost_final) == (27_000_000, "provider_price", True)
    assert job.reserved_nano == 0
    assert engine.bookings(job_id)[-1] == ("release", -held)


def test_an_attempt_of_unknown_cost_keeps_the_reserve(engine: Engine, httpserver: HTTPServer) -> None:
    unknown = after_another_try(engine, serve(httpserver, "/1", a_picture()), None)
    known = storing(engine, serve(httpserver, "/2", a_picture()))
    reserved = engine.job(unknown).reserved_nano
    collect(engine.runtime, [unknown, known], owner=WORKER)
    job = engine.job(unknown)
    assert (job.status, job.cost_nano, job.cost_basis, job.cost_final) == ("succeeded", None, None, False)
    assert job.reserved_nano == reserved > 0
    assert "release" not in [kind for kind, _ in engine.bookings(unknown)]
    assert engine.held_and_spent()[0] == reserved


def test_a_fault_with_one_job_leaves_the_others_alone(engine: Engine, httpserver: HTTPServer) -> None:
    good = many(engine, httpserver, 3)
    odd = storing(engine, serve(httpserver, "/odd", a_picture()))
    with engine.runtime.database.work() as session:
        _, attempt = jobs.lock_attempt(session, engine.attempt(odd).id)
        attempt.outputs = [{"nobody": "foresaw this"}]
    collect(engine.runtime, [odd, *good], owner=WORKER)
    assert statuses(engine, good) == ["succeeded"] * 3
    assert engine.job(odd).status == JobStatus.STORING


def test_a_job_that_cannot_be_written_down_leaves_the_others_alone(
    engine: Engine, httpserver: HTTPServer
) -> None:
    beyond_the_ledger = after_another_try(engine, serve(httpserver, "/odd", a_picture()), 2**63 - 1)
    good = many(engine, httpserver, 3)
    collect(engine.runtime, [good[0], beyond_the_ledger, *good[1:]], owner=WORKER)
    assert statuses(engine, good) == ["succeeded"] * 3
    assert engine.job(beyond_the_ledger).status == JobStatus.STORING
    assert list(engine.told(beyond_the_ledger)) == []


@pytest.mark.parametrize("status", [AttemptStatus.RUNNING, AttemptStatus.FAILED])
def test_a_job_whose_attempt_has_moved_on_does_not_succeed(
    engine: Engine, httpserver: HTTPServer, status: AttemptStatus
) -> None:
    def move(_: Request) -> Response:
        with engine.runtime.database.work() as session:
            jobs.lock_attempt(session, engine.attempt(job_id).id)[1].status = status
        return Response(a_picture())

    httpserver.expect_request("/1").respond_with_handler(move)
    job_id = storing(engine, httpserver.url_for("/1"))
    good = many(engine, httpserver, 1)
    collect(engine.runtime, [job_id, *good], owner=WORKER)
    assert (engine.job(job_id).status, list(engine.told(job_id))) == ("storing", [])
    assert statuses(engine, good) == ["succeeded"]
