"""Delivering: signed, tried on a schedule, every try on record, and never by two at once."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from pytest_httpserver import HTTPServer
from standardwebhooks.webhooks import Webhook
from werkzeug import Request, Response

from domain.callbacks import SCHEDULE
from outbound.callbacks import Sender
from services.access import signing_secret
from services.cancel import cancel
from services.deliver import deliver
from storage.records import DeliveryRecord
from tests.support.engine import WORKER, Engine, run
from tests.support.raw_server import raw_server, silence
from tests.support.rows import a_delivery, a_job, keep


def ended(engine: Engine, url: str) -> UUID:
    """A job that has just ended and has to be told of."""
    job_id = engine.accept(callback_url=url)
    cancel(engine.runtime, project_id=engine.project_id, job_id=job_id)
    return job_id


def delivery(engine: Engine, job_id: UUID) -> DeliveryRecord:
    [one] = engine.deliveries(job_id)
    return one


def tell(engine: Engine, job_id: UUID) -> DeliveryRecord:
    """Try once, when it is due."""
    one = delivery(engine, job_id)
    deliver(engine.runtime, [one.id], owner=WORKER)
    return delivery(engine, job_id)


@pytest.fixture
def silent_url() -> Iterator[str]:
    with ExitStack() as stack:
        yield stack.enter_context(raw_server(silence))


def test_a_callback_is_signed_as_the_standard_says(engine: Engine, httpserver: HTTPServer) -> None:
    engine.clock.advance((datetime.now(UTC) - engine.clock()).total_seconds())
    httpserver.expect_request("/hook", method="POST").respond_with_data("thanks")
    job_id = ended(engine, httpserver.url_for("/hook"))
    told = tell(engine, job_id)
    [(request, _)] = httpserver.log
    secret = signing_secret(engine.runtime, engine.project_id)["secret"]
    payload = Webhook(secret).verify(request.get_data(), dict(request.headers))
    assert payload == json.loads(request.get_data())
    assert (payload["type"], payload["data"]["id"]) == ("job.canceled", str(job_id))
    assert request.headers["webhook-id"] == str(told.event_id)
    assert (told.status, told.tries, told.next_at) == ("delivered", 1, None)
    assert engine.steps(job_id)[-1] == "called_back"
    [one] = engine.tries(told.id)
    assert (one.number, one.status_code, one.answer, one.error) == (1, 200, "thanks", None)


def test_a_job_without_a_callback_url_has_an_event_and_no_delivery(engine: Engine) -> None:
    job_id = engine.accept()
    cancel(engine.runtime, project_id=engine.project_id, job_id=job_id)
    assert [event.type for event in engine.told(job_id)] == ["job.canceled"]
    assert list(engine.deliveries(job_id)) == []


@pytest.mark.parametrize(
    ("status", "headers", "follows"),
    [
        (204, {}, "delivered"),
        (301, {"Location": "http://127.0.0.1:1/"}, "pending"),
        (404, {}, "pending"),
        (500, {}, "pending"),
        (410, {}, "failed"),
    ],
)
def test_the_answer_decides_what_follows(
    engine: Engine, httpserver: HTTPServer, status: int, headers: dict[str, str], follows: str
) -> None:
    httpserver.expect_request("/hook").respond_with_data("x", status=status, headers=headers)
    told = tell(engine, ended(engine, httpserver.url_for("/hook")))
    assert told.status == follows
    assert [one.status_code for one in engine.tries(told.id)] == [status]
    assert (told.next_at is None) == (follows != "pending")
    assert len(httpserver.log) == 1


@pytest.mark.parametrize(("asked", "least", "most"), [("120", 120, 120), ("1", 5, 5.5), ("nonsense", 5, 5.5)])
def test_a_receiver_that_asks_for_time_gets_at_least_that(
    engine: Engine, httpserver: HTTPServer, asked: str, least: float, most: float
) -> None:
    headers = {"Retry-After": asked}
    httpserver.expect_request("/hook").respond_with_data("x", status=429, headers=headers)
    told = tell(engine, ended(engine, httpserver.url_for("/hook")))
    assert told.next_at is not None
    assert least <= (told.next_at - engine.clock()).total_seconds() <= most


def test_a_receiver_that_says_nothing_is_tried_again(engine: Engine, silent_url: str) -> None:
    sender = Sender(engine.runtime.private_hosts, timeout_seconds=0.3)
    engine = replace(engine, runtime=replace(engine.runtime, sender=sender))
    told = tell(engine, ended(engine, silent_url))
    [one] = engine.tries(told.id)
    assert (told.status, one.status_code) == ("pending", None)
    assert one.error is not None


def test_an_address_that_has_become_private_is_not_called(engine: Engine) -> None:
    job_id = ended(engine, "http://127.0.0.1:1/hook")
    with engine.runtime.database.work() as session:
        moved = session.merge(delivery(engine, job_id))
        moved.url = "http://10.0.0.1/hook"
    [one] = engine.tries(tell(engine, job_id).id)
    assert one.error is not None
    assert one.error.startswith("refused: ")


def test_every_try_is_on_record_until_the_schedule_is_through(engine: Engine, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("down", status=503)
    job_id = ended(engine, httpserver.url_for("/hook"))
    waits = []
    for _ in SCHEDULE:
        told = tell(engine, job_id)
        assert told.next_at is not None
        waits.append((told.next_at - engine.clock()).total_seconds())
        engine.clock.advance(waits[-1])
    for wait, planned in zip(waits, SCHEDULE, strict=True):
        assert planned <= wait <= min(planned * 1.1, SCHEDULE[-1])
    told = tell(engine, job_id)
    assert (told.status, told.tries, told.next_at) == ("failed", 10, None)
    tries = engine.tries(told.id)
    assert [one.number for one in tries] == list(range(1, 11))
    assert {one.status_code for one in tries} == {503}
    assert "called_back" not in engine.steps(job_id)


def test_each_try_carries_the_same_id_and_body(engine: Engine, httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request("/hook").respond_with_data("down", status=503)
    httpserver.expect_request("/hook").respond_with_data("ok")
    job_id = ended(engine, httpserver.url_for("/hook"))
    tell(engine, job_id)
    engine.clock.advance(10)
    assert tell(engine, job_id).status == "delivered"
    first, second = (request for request, _ in httpserver.log)
    assert first.get_data() == second.get_data()
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]


def test_two_workers_do_not_send_at_once(engine: Engine, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    job_id = ended(engine, httpserver.url_for("/hook"))
    delivery_id = delivery(engine, job_id).id
    start = threading.Barrier(4)

    def send(number: int) -> None:
        start.wait()
        deliver(engine.runtime, [delivery_id], owner=f"worker:{number}")

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(httpserver.log) == 1


def test_a_message_that_comes_twice_does_not_try_ahead_of_the_schedule(
    engine: Engine, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("down", status=503)
    job_id = ended(engine, httpserver.url_for("/hook"))
    for _ in range(5):
        tell(engine, job_id)
    assert len(httpserver.log) == 1


def test_what_is_delivered_is_not_sent_again(engine: Engine, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    job_id = ended(engine, httpserver.url_for("/hook"))
    tell(engine, job_id)
    engine.clock.advance(3600)
    assert tell(engine, job_id).tries == 1
    assert len(httpserver.log) == 1


def test_a_try_of_a_worker_that_was_too_slow_does_not_count_twice(
    engine: Engine, httpserver: HTTPServer
) -> None:
    def answer(_: Request) -> Response:
        if not nested:
            nested.append(True)
            engine.clock.advance(60)
            deliver(engine.runtime, [delivery_id], owner="worker:second")
        return Response("ok")

    nested: list[bool] = []
    httpserver.expect_request("/hook").respond_with_handler(answer)
    job_id = ended(engine, httpserver.url_for("/hook"))
    delivery_id = delivery(engine, job_id).id
    deliver(engine.runtime, [delivery_id], owner="worker:first")
    assert len(engine.tries(delivery_id)) == 1
    assert engine.steps(job_id).count("called_back") == 1


def test_the_watcher_lets_out_what_is_due_to_be_told(engine: Engine, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    job_id = ended(engine, httpserver.url_for("/hook"))
    [note] = engine.claim().notes
    assert (note.task, note.queue, *note.ids) == ("deliver", "callbacks", delivery(engine, job_id).id)
    assert engine.claim().notes == []
    run(engine.runtime, note)
    assert delivery(engine, job_id).status == "delivered"


def test_an_event_that_is_about_no_job_is_told_too(engine: Engine, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    event, sent, _ = a_delivery(a_job(project_id=engine.project_id), url=httpserver.url_for("/hook"))
    event.job_id = None
    keep(engine.runtime, event, sent)
    deliver(engine.runtime, [sent.id], owner=WORKER)
    assert len(httpserver.log) == 1
    assert [one.status_code for one in engine.tries(sent.id)] == [200]
