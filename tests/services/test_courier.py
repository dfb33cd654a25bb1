"""Many at a time: taken together, each on record as soon as it is over, and none spoiled by another."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from uuid import UUID

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import event, text
from structlog.testing import capture_logs

from outbound.callbacks import EXCERPT_BYTES, Sender, new_secret
from outbound.turns import UNPROVEN
from services.cancel import cancel
from services.deliver import PATIENCE, Courier, deliver
from services.secrets import Opened, SecretBox, SecretUnreadable
from services.tried import Given, TryBook
from storage.records import DeliveryRecord, EndpointRecord
from tests.support.engine import WORKER, Engine
from tests.support.raw_server import Script, drip, raw_server, silence
from tests.support.until import until


def ended(engine: Engine, url: str) -> DeliveryRecord:
    job_id = engine.accept(callback_url=url)
    cancel(engine.runtime, project_id=engine.project_id, job_id=job_id)
    [one] = engine.deliveries(job_id)
    return one


def now(engine: Engine, one: DeliveryRecord) -> DeliveryRecord:
    with engine.runtime.database.work() as session:
        found = session.get(DeliveryRecord, one.id)
    assert found is not None
    return found


def hasty(engine: Engine, seconds: float) -> Engine:
    sender = Sender(engine.runtime.private_hosts, timeout_seconds=seconds)
    return replace(engine, runtime=replace(engine.runtime, sender=sender))


@pytest.fixture
def silent_url() -> Iterator[str]:
    with ExitStack() as stack:
        yield stack.enter_context(raw_server(silence))


def test_one_that_hangs_holds_up_none_of_its_message(
    engine: Engine, httpserver: HTTPServer, silent_url: str
) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    slow, quick = ended(engine, silent_url), ended(engine, httpserver.url_for("/hook"))
    courier = Courier(hasty(engine, 5.0).runtime)
    courier.begin([slow.id, quick.id], owner=WORKER)
    until(lambda: now(engine, quick).status == "delivered", "the quick one", 4)
    assert now(engine, slow).status == "pending"
    assert list(engine.tries(slow.id)) == []
    courier.finish()
    [one] = engine.tries(slow.id)
    assert one.error == "Timeout: not done within 5 s"


@pytest.mark.parametrize(
    ("script", "status", "code", "error"),
    [
        (b"", "pending", None, "RemoteProtocolError"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "pending", None, "RemoteProtocolError"),
        (silence, "pending", None, "Timeout"),
        (drip(b"HTTP/1.1 200 OK\r\n", b"X-Drip: 1\r\n", 0.05), "pending", None, "Timeout"),
        (drip(b"HTTP/1.1 200 OK\r\n\r\n", b".", 0.05), "delivered", 200, "Timeout"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "delivered", 200, "RemoteProtocolError"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000, "delivered", 200, None),
        (b"HTTP/1.1 308 There\r\nLocation: http://127.0.0.1:1/\r\n\r\n", "pending", 308, "answered"),
        (b"HTTP/1.1 410 Gone\r\n\r\n", "failed", 410, None),
        (b"HTTP/1.1 429 Later\r\nRetry-After: 60\r\n\r\n", "pending", 429, None),
    ],
    ids=["dropped", "broken", "silent", "slow head", "slow body", "cut", "endless", "moved", "gone", "busy"],
)
def test_whatever_a_receiver_does_is_one_try_on_record(
    engine: Engine, script: bytes | Script, status: str, code: int | None, error: str | None
) -> None:
    with raw_server(script) as url:
        one = ended(engine, url)
        deliver(hasty(engine, 0.5).runtime, [one.id], owner=WORKER)
    [tried] = engine.tries(one.id)
    assert (now(engine, one).status, tried.status_code) == (status, code)
    assert (tried.error or "").startswith(error or "")
    assert (tried.error is None) == (error is None)
    assert len(tried.answer) <= EXCERPT_BYTES


def test_what_cannot_be_written_spoils_nothing_of_what_came_with_it(
    engine: Engine, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    ones = [ended(engine, httpserver.url_for("/hook")) for _ in range(5)]
    with engine.runtime.database.work() as session:
        broken = f"ALTER TABLE delivery_tries ADD CONSTRAINT broken CHECK (delivery_id <> '{ones[2].id}')"
        session.connection().execute(text(broken))
    with capture_logs() as logged:
        deliver(engine.runtime, [one.id for one in ones], owner=WORKER)
    assert [now(engine, one).status for one in ones] == [
        "delivered",
        "delivered",
        "pending",
        "delivered",
        "delivered",
    ]
    [said] = [entry for entry in logged if entry["event"] == "try_not_written"]
    assert said["delivery"] == str(ones[2].id)


def test_what_cannot_be_signed_holds_up_nothing_else(engine: Engine, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    lost, kept = ended(engine, httpserver.url_for("/hook")), ended(engine, httpserver.url_for("/hook"))
    foreign = SecretBox("the key of another installation").seal(new_secret())
    with engine.runtime.database.work() as session:
        endpoint = EndpointRecord(
            project_id=engine.project_id, url=lost.url, secret=foreign, created_at=engine.clock()
        )
        session.add(endpoint)
        session.flush()
        session.merge(now(engine, lost)).endpoint_id = endpoint.id
    with capture_logs() as logged:
        deliver(engine.runtime, [lost.id, kept.id], owner=WORKER)
    assert (now(engine, lost).status, now(engine, kept).status) == ("pending", "delivered")
    [said] = [entry for entry in logged if entry["event"] == "delivery_not_signed"]
    assert "DARKROOM_SECRET_KEY" in said["reason"]


def test_a_fault_of_ours_in_one_try_is_told_and_holds_up_nothing_else(
    engine: Engine, httpserver: HTTPServer
) -> None:
    def names(host: str, *_: object) -> list[str]:
        if host == "broken.example":
            raise RuntimeError("nobody foresaw this")
        return [host]

    httpserver.expect_request("/hook").respond_with_data("ok")
    lost, kept = ended(engine, httpserver.url_for("/hook")), ended(engine, httpserver.url_for("/hook"))
    with engine.runtime.database.work() as session:
        session.merge(now(engine, lost)).url = "http://broken.example/"
    runtime = replace(engine.runtime, sender=Sender(engine.runtime.private_hosts, resolver=names))
    with capture_logs() as logged:
        deliver(runtime, [lost.id, kept.id], owner=WORKER)
    assert [entry["event"] for entry in logged] == ["delivery_broke"]
    assert [now(engine, one).status for one in (lost, kept)] == ["pending", "delivered"]


def rename(engine: Engine, column: str, to: str) -> None:
    with engine.runtime.database.work() as session:
        session.connection().execute(text(f"ALTER TABLE deliveries RENAME COLUMN {column} TO {to}"))


def test_what_cannot_be_written_now_does_not_end_the_writing(engine: Engine, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    one = ended(engine, httpserver.url_for("/hook"))
    book = TryBook(engine.runtime)
    with capture_logs() as logged:
        rename(engine, "owner", "somebody")
        book.add(Given(one.id, WORKER))
        until(lambda: logged, "the log line")
        rename(engine, "somebody", "owner")
    assert [entry["event"] for entry in logged] == ["tries_not_written"]
    with engine.runtime.database.work() as session:
        session.merge(now(engine, one)).owner = WORKER
    book.add(Given(one.id, WORKER))
    book.close(None)
    assert now(engine, one).owner is None


def test_what_gets_no_turn_is_due_again_untried(engine: Engine, silent_url: str) -> None:
    ones = [ended(engine, silent_url) for _ in range(UNPROVEN + 3)]
    engine = hasty(engine, PATIENCE + 1.5)
    deliver(engine.runtime, [one.id for one in ones], owner=WORKER)
    tried = [len(engine.tries(one.id)) for one in ones]
    assert sorted(tried) == [0] * 3 + [1] * UNPROVEN
    for one, tries in zip(ones, tried, strict=True):
        left = now(engine, one)
        assert (left.status, left.owner, left.tries) == ("pending", None, tries)
        assert left.next_at is not None
        assert (left.next_at == engine.clock()) == (not tries)


def test_a_message_of_many_is_taken_and_written_in_few_statements(
    engine: Engine, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    ids = [ended(engine, httpserver.url_for("/hook")).id for _ in range(16)]
    said: list[str] = []

    def hear(_c: object, _k: object, statement: str, *_: object) -> None:
        said.append(statement)

    event.listen(engine.runtime.database.engine, "before_cursor_execute", hear)
    deliver(engine.runtime, ids, owner=WORKER)
    event.remove(engine.runtime.database.engine, "before_cursor_execute", hear)
    assert len(httpserver.log) == 16
    assert len([one for one in said if "FOR UPDATE),\n    taken" in one]) == 1
    # Two for each time that something is written: sixteen at once, or in a few pieces where some are slower.
    assert len(said) <= 1 + 4 * 4


def test_messages_that_come_twice_tell_once(engine: Engine, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    ids = [ended(engine, httpserver.url_for("/hook")).id for _ in range(10)]
    courier = Courier(engine.runtime)
    for _ in range(3):
        courier.begin(ids, owner=WORKER)
    courier.finish()
    assert len(httpserver.log) == 10
    assert {request.headers["webhook-id"] for request, _ in httpserver.log} == {
        str(one) for one in _events(engine, ids)
    }


def _events(engine: Engine, ids: list[UUID]) -> list[UUID]:
    with engine.runtime.database.work() as session:
        return [one.event_id for one_id in ids if (one := session.get(DeliveryRecord, one_id)) is not None]


def test_a_secret_is_opened_once_and_forgotten_within_seconds() -> None:
    box, seconds = SecretBox("ours"), [0.0]
    opened = Opened(box, clock=lambda: seconds[0])
    sealed = box.seal("whsec_one")
    assert opened.open(sealed) == opened.open(sealed) == "whsec_one"
    seconds[0] = 5.0
    assert opened.open(sealed) == "whsec_one"
    for number in range(300):
        assert opened.open(box.seal(f"whsec_{number}")) == f"whsec_{number}"
    with pytest.raises(SecretUnreadable):
        opened.open(b"nonsense")
