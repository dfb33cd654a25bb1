"""Whose turn it is: hosts that answer go first, unknown ones and those that are away hold up nobody."""

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from uuid import UUID

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import event, text
from sqlmodel import col, select
from werkzeug import Request, Response

from domain.callbacks import AT_ONCE, SHARE, WINDOW
from services.deliver import LEASE, Courier, deliver
from services.due import claim, publish
from services.housekeeping import KEEP_EVENTS, tidy
from storage.records import CallbackHostRecord, DeliveryRecord, EventRecord
from storage.steps import telling
from tests.support.engine import WATCHER, WORKER, Engine
from tests.support.until import until

GOOD = "http://good.example"


def write(engine: Engine, *urls: str) -> list[UUID]:
    """A delivery to each, due now, in this order."""
    ids = []
    with engine.runtime.database.work() as session:
        for url in urls:
            at = engine.clock()
            told = EventRecord(project_id=engine.project_id, type="job.failed", body="{}", created_at=at)
            session.add(told)
            session.flush()
            due = DeliveryRecord(
                event_id=told.id,
                project_id=engine.project_id,
                url=url,
                status="pending",
                next_at=at,
                created_at=at,
            )
            session.add(due)
            session.flush()
            ids.append(due.id)
            engine.clock.advance(0.001)
    return ids


def hosts(engine: Engine, state: str, *names: str, failures: int = 0) -> None:
    with engine.runtime.database.work() as session:
        for name in names:
            at = engine.clock()
            session.add(CallbackHostRecord(host=name, state=state, failures=failures, next_at=at, seen_at=at))


def host(engine: Engine, name: str) -> CallbackHostRecord:
    with engine.runtime.database.work() as session:
        return session.exec(select(CallbackHostRecord).where(CallbackHostRecord.host == name)).one()


def let_out(engine: Engine, *, notes: int = 1000, owner: str = WATCHER) -> list[str]:
    """The addresses of what is claimed now."""
    claimed = claim(engine.runtime, owner=owner, looks={}, notes=notes)
    ids = [one for note in claimed.notes for one in note.ids]
    with engine.runtime.database.work() as session:
        found = session.exec(select(DeliveryRecord).where(col(DeliveryRecord.id).in_(ids))).all()
    urls = {one.id: one.url for one in found}
    return [urls[one] for one in ids]


def many(urls: list[str]) -> Counter[str]:
    return Counter(url.rpartition("/")[0] for url in urls)


def test_a_good_host_is_never_behind_dead_ones_however_much_waits_for_them(engine: Engine) -> None:
    dead = [f"http://dead-{number}.example" for number in range(3)]
    hosts(engine, "slow", *dead, failures=9)
    hosts(engine, "good", GOOD)
    write(engine, *(f"{name}/{number}" for number in range(50) for name in dead))
    write(engine, *(f"{GOOD}/{number}" for number in range(20)))
    first = let_out(engine)
    assert many(first) == Counter({GOOD: 20} | dict.fromkeys(dead, 1))
    assert many(first[:20]) == Counter({GOOD: 20})
    # And nothing else goes to the dead ones while these are under way.
    write(engine, *(f"{GOOD}/{number}" for number in range(20, 40)))
    assert many(let_out(engine)) == Counter({GOOD: 20})


def test_first_tries_at_a_thousand_unknown_hosts_take_their_share_and_no_more(engine: Engine) -> None:
    hosts(engine, "good", GOOD)
    write(engine, *(f"http://new-{number}.example/x" for number in range(400)))
    write(engine, f"{GOOD}/x")
    total = Counter[str]()
    for _ in range(12):
        total += many(let_out(engine))
    assert total[GOOD] == 1
    assert max(total.values()) == 1
    assert total.total() == SHARE["new"] + 1
    # A host that comes to be known leaves its turn to the next.
    engine.clock.advance(21)
    assert let_out(engine) != []


def test_a_host_that_nobody_knows_is_tried_with_a_few_and_then_gets_all(
    engine: Engine, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    ids = write(engine, *[httpserver.url_for("/hook")] * 30)
    name = httpserver.url_for("").rstrip("/")
    first = claim(engine.runtime, owner=WATCHER, looks={}, notes=100).notes
    assert sum(len(note.ids) for note in first) == AT_ONCE["new"]
    assert let_out(engine) == []
    deliver(engine.runtime, first[0].ids, owner=WORKER)
    assert (host(engine, name).state, host(engine, name).trying) == ("good", 0)
    rest = let_out(engine)
    assert len(rest) == len(ids) - AT_ONCE["new"]
    assert not host(engine, name).waiting


def test_one_host_that_answers_gets_no_more_than_its_window(engine: Engine) -> None:
    other = "http://other.example"
    hosts(engine, "good", GOOD, other)
    write(engine, *[f"{GOOD}/x"] * (WINDOW + 50), f"{other}/x")
    assert many(let_out(engine)) == Counter({GOOD: WINDOW, other: 1})
    assert many(let_out(engine)) == Counter()
    # What it did not take comes due again, and goes behind what has waited.
    engine.clock.advance(20)
    assert many(let_out(engine))[GOOD] == WINDOW


def test_no_more_is_let_out_than_asked_for_and_the_rest_stays_due(engine: Engine) -> None:
    hosts(engine, "good", GOOD)
    write(engine, *(f"{GOOD}/{number}" for number in range(30)))
    assert let_out(engine, notes=0) == []
    assert let_out(engine, notes=10) == [f"{GOOD}/{number}" for number in range(10)]
    assert let_out(engine, notes=100) == [f"{GOOD}/{number}" for number in range(10, 30)]


@pytest.fixture
def refusing() -> Iterator[str]:
    """The address of a port that is bound, so nobody else's, and refuses."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def test_a_host_that_is_away_is_tried_with_one_at_a_time_and_later_each_time(
    engine: Engine, refusing: str
) -> None:
    write(engine, *(f"{refusing}/{number}" for number in range(20)))
    waits = []
    for _ in range(5):
        claimed = claim(engine.runtime, owner=WATCHER, looks={}, notes=100)
        ids = [one for note in claimed.notes for one in note.ids]
        deliver(engine.runtime, ids, owner=WORKER)
        known = host(engine, refusing)
        assert (known.state, known.waiting, known.trying) == ("slow", True, 0)
        waits.append((known.next_at - engine.clock()).total_seconds())
        assert let_out(engine) == []
        engine.clock.advance(waits[-1])
    # Four at once when nobody knew it, then one by one.
    assert waits == [8, 16, 32, 60, 60]
    with engine.runtime.database.work() as session:
        tries = session.exec(select(DeliveryRecord.tries).where(DeliveryRecord.status == "pending")).all()
    assert sum(tries) == 8


def test_what_waited_goes_at_once_when_its_host_answers_again(engine: Engine, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    name = httpserver.url_for("").rstrip("/")
    hosts(engine, "slow", name, failures=8)
    write(engine, *[httpserver.url_for("/hook")] * 10)
    [note] = claim(engine.runtime, owner=WATCHER, looks={}, notes=100).notes
    assert len(note.ids) == 1
    deliver(engine.runtime, note.ids, owner=WORKER)
    assert (host(engine, name).state, host(engine, name).failing_since) == ("good", None)
    assert len(let_out(engine)) == 9


def test_every_other_try_at_a_host_that_is_away_goes_to_what_was_tried_least(engine: Engine) -> None:
    hosts(engine, "slow", "http://odd.example", failures=5)
    hosts(engine, "slow", "http://even.example", failures=6)
    for name in ("odd", "even"):
        [old] = write(engine, f"http://{name}.example/hangs")
        with engine.runtime.database.work() as session:
            session.connection().execute(text("UPDATE deliveries SET tries = 3 WHERE id = :id"), {"id": old})
        write(engine, f"http://{name}.example/fresh")
    assert {*let_out(engine)} == {"http://odd.example/fresh", "http://even.example/hangs"}


def test_a_good_host_may_miss_twice(engine: Engine, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("no", status=503)
    name = httpserver.url_for("").rstrip("/")
    hosts(engine, "good", name)
    states = []
    for one in write(engine, *[httpserver.url_for("/hook")] * 3):
        deliver(engine.runtime, [one], owner=WORKER)
        states.append(host(engine, name).state)
    assert states == ["good", "good", "slow"]
    assert host(engine, name).failing_since == engine.clock()


def test_an_answer_of_whatever_kind_keeps_a_host_good(engine: Engine, httpserver: HTTPServer) -> None:
    def answer(request: Request) -> Response:
        return Response("x", int(request.path.rpartition("/")[2]))

    for status in (500, 404, 429, 301):
        httpserver.expect_request(f"/{status}").respond_with_handler(answer)
    name = httpserver.url_for("").rstrip("/")
    hosts(engine, "good", name, failures=2)
    ids = write(engine, *(httpserver.url_for(f"/{status}") for status in (500, 404, 429, 301)))
    deliver(engine.runtime, ids, owner=WORKER)
    assert (host(engine, name).state, host(engine, name).failures) == ("good", 0)


def test_what_was_let_out_and_lost_is_let_out_again(engine: Engine) -> None:
    hosts(engine, "slow", "http://dead.example", failures=1)
    hosts(engine, "good", GOOD)
    write(engine, "http://dead.example/x", f"{GOOD}/x", "http://new.example/x")
    assert len(let_out(engine)) == 3
    assert let_out(engine) == []
    engine.clock.advance(21)
    assert len(let_out(engine)) == 3


def test_what_the_broker_did_not_take_is_let_out_again_a_second_later(engine: Engine) -> None:
    hosts(engine, "slow", "http://dead.example", failures=1)
    write(engine, "http://dead.example/x", "http://new.example/x")
    engine.queue.away = True
    publish(engine.runtime, claim(engine.runtime, owner=WATCHER, looks={}, notes=9).notes, owner=WATCHER)
    assert let_out(engine) == []
    engine.clock.advance(1)
    assert len(let_out(engine)) == 2


def test_one_watcher_decides_at_a_time(engine: Engine) -> None:
    write(engine, f"{GOOD}/x")
    with engine.runtime.database.work() as session:
        session.connection().execute(text("SELECT pg_advisory_xact_lock(4107002)"))
        assert let_out(engine) == []
    assert let_out(engine) == [f"{GOOD}/x"]


def test_what_waits_for_its_host_is_not_sent_by_a_message_that_comes_twice(engine: Engine) -> None:
    hosts(engine, "slow", "http://dead.example", failures=1)
    first, second = write(engine, "http://dead.example/1", "http://dead.example/2")
    assert let_out(engine) == ["http://dead.example/1"]
    with engine.runtime.database.work() as session:
        taken = telling.take(session, [first, second], owner=WORKER, now=engine.clock(), lease=LEASE)
    assert [one.id for one in taken] == [first]


def test_nothing_is_asked_beyond_one_question_where_nothing_is_due(engine: Engine) -> None:
    asked: list[str] = []
    hosts(engine, "slow", "http://dead.example", failures=3)

    def hear(_c: object, _k: object, statement: str, *_: object) -> None:
        if "deliveries" in statement or "callback_hosts" in statement:
            asked.append(statement)

    event.listen(engine.runtime.database.engine, "before_cursor_execute", hear)
    assert engine.claim().notes == []
    assert len(asked) == 1


def test_hosts_that_nobody_calls_any_more_are_forgotten_but_not_those_that_something_waits_for(
    engine: Engine,
) -> None:
    hosts(engine, "good", "http://old.example")
    hosts(engine, "slow", "http://dead.example", failures=9)
    write(engine, "http://dead.example/1", "http://dead.example/2")
    let_out(engine)
    engine.clock.advance(KEEP_EVENTS.total_seconds() + 1)
    hosts(engine, "good", GOOD)
    tidy(engine.runtime)
    with engine.runtime.database.work() as session:
        left = {*session.exec(select(CallbackHostRecord.host)).all()}
    assert left == {GOOD, "http://dead.example"}


def test_what_waits_for_a_host_that_does_not_know_of_it_is_due_again(engine: Engine) -> None:
    hosts(engine, "slow", "http://dead.example", failures=1)
    write(engine, "http://dead.example/1", "http://dead.example/2")
    let_out(engine)
    with engine.runtime.database.work() as session:
        session.connection().execute(text("DELETE FROM callback_hosts"))
    assert let_out(engine) == []
    tidy(engine.runtime)
    assert let_out(engine) == ["http://dead.example/2"]


def test_an_address_that_hangs_holds_back_no_other_of_its_host(engine: Engine) -> None:
    let_go = threading.Event()

    def answer(request: Request) -> Response:
        if request.path == "/hangs":
            let_go.wait(60)
        return Response("ok")

    with HTTPServer("127.0.0.1", 0, threaded=True) as server:
        for path in ("/hangs", "/ok"):
            server.expect_request(path).respond_with_handler(answer)
        ids = write(engine, *[server.url_for("/hangs"), server.url_for("/ok")] * 20)
        courier = Courier(engine.runtime)

        def all_told() -> bool:
            for note in claim(engine.runtime, owner=WATCHER, looks={}, notes=100).notes:
                courier.begin(note.ids, owner=WORKER)
            with engine.runtime.database.work() as session:
                found = session.exec(select(DeliveryRecord).where(col(DeliveryRecord.id).in_(ids))).all()
            return all(one.status == "delivered" for one in found if one.url.endswith("/ok"))

        until(all_told, "all of the address that answers", 20)
        assert not let_go.is_set()
        let_go.set()
        courier.finish()
