"""Collecting: a job has succeeded when its files are checked and stored, and never before."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from domain.costs import Basis, Cost
from domain.lifecycle import AttemptStatus, JobStatus
from providers.base import Finished, Output
from services.again import retry
from services.reading import job as read_job
from storage.objects.local import LocalStore
from tests.support.engine import Engine
from tests.support.files import HEIGHT, WIDTH, a_film, a_picture
from tests.support.raw_server import raw_server

PAID = Cost(20_000_000, Basis.PROVIDER_PRICE, final=True)
HTML = b"<!doctype html><title>Sign in</title>"
TWO_DAYS = 48 * 3600.0


def storing(engine: Engine, *outputs: Output | str, model: str = "pair") -> UUID:
    """A job whose generation has finished with these files."""
    job_id = engine.running(model)
    files = tuple(Output(one) if isinstance(one, str) else one for one in outputs)
    engine.sees(job_id, Finished(files, PAID))
    return job_id


def serve(server: HTTPServer, path: str, body: bytes, status: int = 200) -> str:
    server.expect_request(path).respond_with_data(body, status=status)
    return server.url_for(path)


class DyingStore(LocalStore):
    """A store in whose hands the process dies, at the file that it is told."""

    def __init__(self, root: Path, at: str) -> None:
        super().__init__(root, b"secret", "http://127.0.0.1")
        self.at = at

    def put(self, key: str, path: Path, *, content_type: str, sha256: str) -> None:
        if self.at and self.at in key:
            raise KeyboardInterrupt
        super().put(key, path, content_type=content_type, sha256=sha256)


def with_store(engine: Engine, store: LocalStore) -> Engine:
    return replace(engine, runtime=replace(engine.runtime, objects=store))


def test_what_is_stored_is_what_the_provider_made(engine: Engine, httpserver: HTTPServer) -> None:
    picture = a_picture()
    job_id = storing(engine, serve(httpserver, "/1", picture))
    engine.collect(job_id)
    [asset] = engine.assets(job_id)
    assert engine.job(job_id).status == JobStatus.SUCCEEDED
    assert engine.attempt(job_id).status == AttemptStatus.SUCCEEDED
    assert (asset.n, asset.bytes, asset.content_type) == (0, len(picture), "image/png")
    assert asset.sha256 == hashlib.sha256(picture).hexdigest()
    assert (asset.width, asset.height, asset.duration) == (WIDTH, HEIGHT, None)
    with engine.runtime.objects.open(asset.key) as file:
        assert file.read() == picture
    assert engine.steps(job_id)[-3:] == ["downloaded", "stored", "succeeded"]
    assert engine.agenda(job_id) is None


def test_success_settles_the_money(engine: Engine, httpserver: HTTPServer) -> None:
    job_id = storing(engine, serve(httpserver, "/1", a_picture()))
    engine.collect(job_id)
    job = engine.job(job_id)
    assert (job.cost_nano, job.cost_basis, job.cost_final) == (20_000_000, "provider_price", True)
    assert engine.held_and_spent() == (0, 20_000_000)


def test_a_film_is_stored_with_its_length(engine: Engine, httpserver: HTTPServer) -> None:
    job_id = storing(engine, serve(httpserver, "/film", a_film()), model="film")
    engine.collect(job_id)
    [asset] = engine.assets(job_id)
    assert (asset.content_type, asset.key[-4:]) == ("video/mp4", ".mp4")
    assert asset.duration == 1


def test_files_that_come_beside_the_result_are_stored_too(engine: Engine, httpserver: HTTPServer) -> None:
    picture = serve(httpserver, "/1", a_picture())
    beside = Output(serve(httpserver, "/2", a_film()), extra=True)
    job_id = storing(engine, beside, picture, picture)
    engine.collect(job_id)
    assert [asset.content_type for asset in engine.assets(job_id)] == ["video/mp4", "image/png", "image/png"]
    assert engine.job(job_id).status == JobStatus.SUCCEEDED


def test_download_and_store_are_phases_of_the_jobs_time(engine: Engine, httpserver: HTTPServer) -> None:
    def slow(_: Request) -> Response:
        engine.clock.advance(1.5)
        return Response(a_picture())

    httpserver.expect_request("/1").respond_with_handler(slow)
    job_id = storing(engine, httpserver.url_for("/1"), httpserver.url_for("/1"))
    engine.clock.advance(0.5)
    engine.collect(job_id)
    latency = read_job(engine.runtime, project_id=engine.project_id, job_id=job_id)["latency"]
    assert (latency["download"], latency["store"]) == (3.0, 0.0)
    assert latency["total"] == sum(value for name, value in latency.items() if name != "total" and value)


def test_two_workers_at_once_fetch_and_store_once(engine: Engine, httpserver: HTTPServer) -> None:
    job_id = storing(engine, serve(httpserver, "/1", a_picture()))
    start = threading.Barrier(4)

    def collect(number: int) -> None:
        start.wait()
        engine.collect(job_id, owner=f"worker:{number}")

    threads = [threading.Thread(target=collect, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(httpserver.log) == 1
    assert engine.steps(job_id).count("succeeded") == 1


def test_two_workers_whose_lease_failed_still_store_once(engine: Engine, httpserver: HTTPServer) -> None:
    def hand_out(_: Request) -> Response:
        if not nested:
            nested.append(True)
            engine.clock.advance(60)
            engine.collect(job_id, owner="worker:second")
        return Response(a_picture())

    nested: list[bool] = []
    httpserver.expect_request("/1").respond_with_handler(hand_out)
    job_id = storing(engine, httpserver.url_for("/1"))
    engine.collect(job_id, owner="worker:first")
    assert len(engine.assets(job_id)) == 1
    assert engine.steps(job_id).count("succeeded") == 1
    assert len(engine.told(job_id)) == 1


def test_a_failure_of_a_worker_that_was_too_slow_does_not_count(
    engine: Engine, httpserver: HTTPServer
) -> None:
    def break_off(_: Request) -> Response:
        if nested:
            return Response(a_picture())
        nested.append(True)
        engine.clock.advance(60)
        engine.collect(job_id, owner="worker:second")
        return Response(status=404)

    nested: list[bool] = []
    httpserver.expect_request("/1").respond_with_handler(break_off)
    job_id = storing(engine, httpserver.url_for("/1"))
    engine.collect(job_id, owner="worker:first")
    assert engine.job(job_id).status == JobStatus.SUCCEEDED
    assert "store_failed" not in engine.steps(job_id)


def test_a_worker_that_dies_half_way_is_followed_without_fetching_twice(
    engine: Engine, httpserver: HTTPServer, tmp_path: Path
) -> None:
    store = DyingStore(tmp_path / "store", at="/1.png")
    engine = with_store(engine, store)
    job_id = storing(
        engine, serve(httpserver, "/first", a_picture()), serve(httpserver, "/second", a_picture())
    )
    with pytest.raises(KeyboardInterrupt):
        engine.collect(job_id)
    assert (engine.job(job_id).status, len(engine.assets(job_id))) == ("storing", 1)
    store.at = ""
    engine.work()
    assert engine.job(job_id).status == JobStatus.STORING
    engine.clock.advance(21)
    engine.work()
    assert engine.job(job_id).status == JobStatus.SUCCEEDED
    assert [request.path for request, _ in httpserver.log] == ["/first", "/second", "/second"]


@pytest.mark.parametrize(
    ("body", "status", "pause", "code"),
    [
        (HTML, 200, 1.0, "asset_invalid"),
        (a_picture()[:-40], 200, 1.0, "asset_invalid"),
        (a_film(), 200, 1.0, "asset_invalid"),
        (b"", 200, 1.0, "asset_unavailable"),
        (b"gone", 404, 1.0, "asset_unavailable"),
        (b"no", 403, 1.0, "asset_unavailable"),
        (b"oops", 500, 2.0, "asset_unavailable"),
        (b"busy", 429, 2.0, "asset_unavailable"),
        (a_picture(), 503, 2.0, "asset_unavailable"),
    ],
    ids=["html", "truncated", "film", "empty", "404", "403", "500", "429", "503 with a picture"],
)
def test_what_is_not_the_file_is_fetched_again_and_never_a_success(
    engine: Engine, httpserver: HTTPServer, body: bytes, status: int, pause: float, code: str
) -> None:
    job_id = storing(engine, serve(httpserver, "/1", body, status))
    engine.collect(job_id)
    assert engine.job(job_id).status == JobStatus.STORING
    assert engine.due_in(job_id) == pause
    failed = engine.timeline(job_id)[-1]
    assert (failed.type, failed.data["error"]["code"]) == ("store_failed", code)
    assert list(engine.assets(job_id)) == []
    assert len(engine.linkmodel.submits.asked) == 1


def test_a_transfer_that_breaks_off_is_no_file(engine: Engine) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nContent-Type: image/png\r\n\r\n"
    with raw_server(head + a_picture()) as url:
        job_id = storing(engine, f"{url}/1.png")
        engine.collect(job_id)
    assert (engine.job(job_id).status, engine.due_in(job_id)) == ("storing", 1.0)


def test_a_host_that_is_away_gets_patience(engine: Engine) -> None:
    job_id = storing(engine, "http://127.0.0.1:1/1.png")
    engine.collect(job_id)
    assert (engine.job(job_id).status, engine.due_in(job_id)) == ("storing", 2.0)


@pytest.mark.parametrize(
    "address", ["http://10.0.0.1/1.png", "http://169.254.169.254/latest", "file:///etc/passwd"]
)
@pytest.mark.parametrize("redirected", [False, True])
def test_an_address_that_must_not_be_fetched_ends_the_job(
    engine: Engine, httpserver: HTTPServer, address: str, *, redirected: bool
) -> None:
    httpserver.expect_request("/1").respond_with_data(status=302, headers={"Location": address})
    job_id = storing(engine, httpserver.url_for("/1") if redirected else address)
    engine.collect(job_id)
    job = engine.job(job_id)
    assert (job.status, engine.error(job_id)) == ("failed", "asset_unavailable")
    assert (job.cost_nano, engine.held_and_spent()) == (20_000_000, (0, 20_000_000))
    assert len(engine.linkmodel.submits.asked) == 1


@pytest.mark.parametrize("outputs", [(), (Output("http://127.0.0.1:1/depth.png", extra=True),)])
def test_a_finished_job_without_a_result_is_invalid_and_not_made_again(
    engine: Engine, outputs: tuple[Output, ...]
) -> None:
    job_id = storing(engine, *outputs)
    for _ in range(5):
        engine.work()
        engine.clock.advance(60)
    assert (engine.job(job_id).status, engine.error(job_id)) == ("failed", "asset_invalid")
    assert len(engine.linkmodel.submits.asked) == 1


def test_the_wrong_file_is_given_up_after_five_tries_and_stays_paid(
    engine: Engine, httpserver: HTTPServer
) -> None:
    job_id = storing(engine, serve(httpserver, "/1", HTML))
    pauses = []
    while engine.job(job_id).status == JobStatus.STORING:
        engine.collect(job_id)
        pauses.append(engine.due_in(job_id))
        engine.clock.advance(pauses[-1] or 0)
    assert pauses == [1.0, 2.0, 4.0, 8.0, None]
    assert (engine.error(job_id), engine.job(job_id).cost_nano) == ("asset_invalid", 20_000_000)
    assert engine.attempt(job_id).status == AttemptStatus.FAILED
    assert len(httpserver.log) == 5
    assert len(engine.linkmodel.submits.asked) == 1


def test_a_host_in_trouble_is_given_up_after_two_days(engine: Engine, httpserver: HTTPServer) -> None:
    job_id = storing(engine, serve(httpserver, "/1", b"oops", 500))
    engine.clock.advance(TWO_DAYS)
    engine.collect(job_id)
    assert engine.job(job_id).status == JobStatus.STORING
    engine.clock.advance(60)
    engine.collect(job_id)
    assert (engine.job(job_id).status, engine.error(job_id)) == ("failed", "asset_unavailable")


def test_a_host_that_stumbles_once_does_no_harm(engine: Engine, httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request("/1").respond_with_data(b"oops", status=500)
    job_id = storing(engine, serve(httpserver, "/1", a_picture()))
    engine.collect(job_id)
    engine.clock.advance(2)
    engine.collect(job_id)
    assert engine.job(job_id).status == JobStatus.SUCCEEDED
    assert engine.attempt(job_id).error is None


def test_a_late_message_does_not_use_up_a_try(engine: Engine, httpserver: HTTPServer) -> None:
    job_id = storing(engine, serve(httpserver, "/1", HTML))
    for _ in range(6):
        engine.collect(job_id)
    assert (engine.job(job_id).status, engine.attempt(job_id).store_tries) == ("storing", 1)


def test_a_store_that_is_away_is_waited_for(engine: Engine, httpserver: HTTPServer, tmp_path: Path) -> None:
    in_the_way = tmp_path / "store"
    in_the_way.write_text("not a folder")
    engine = with_store(engine, LocalStore(in_the_way, b"secret", "http://127.0.0.1"))
    job_id = storing(engine, serve(httpserver, "/1", a_picture()))
    engine.collect(job_id)
    assert (engine.job(job_id).status, engine.due_in(job_id)) == ("storing", 2.0)
    in_the_way.unlink()
    engine.clock.advance(2)
    engine.collect(job_id)
    assert engine.job(job_id).status == JobStatus.SUCCEEDED


def test_a_failed_fetch_that_is_retried_is_fetched_again_and_not_made_again(
    engine: Engine, httpserver: HTTPServer
) -> None:
    for _ in range(5):
        httpserver.expect_oneshot_request("/1").respond_with_data(HTML)
    job_id = storing(engine, serve(httpserver, "/1", a_picture()))
    for _ in range(5):
        engine.work()
        engine.clock.advance(60)
    assert engine.job(job_id).status == JobStatus.FAILED
    view = retry(engine.runtime, project_id=engine.project_id, job_id=job_id)
    assert (view["status"], view["error"]) == ("storing", None)
    engine.work()
    assert engine.job(job_id).status == JobStatus.SUCCEEDED
    assert len(engine.linkmodel.submits.asked) == len(engine.attempts(job_id)) == 1
    assert engine.held_and_spent() == (0, 20_000_000)
    assert [event.type for event in engine.told(job_id)] == ["job.failed", "job.succeeded"]


@pytest.mark.parametrize("bring", [Engine.accept, Engine.running])
def test_a_message_for_a_job_that_is_not_storing_changes_nothing(
    engine: Engine, bring: Callable[[Engine], UUID]
) -> None:
    job_id = bring(engine)
    before = engine.agenda(job_id)
    engine.collect(job_id)
    assert engine.agenda(job_id) == before


def test_a_message_for_no_job_does_nothing(engine: Engine) -> None:
    engine.collect(engine.project_id)
