"""What jobs really cost, taken as evidence for the next quote."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlmodel import select

from domain.costs import Basis
from domain.evidence import WINDOW
from domain.generation import JobRequest
from domain.lifecycle import AttemptStatus, JobStatus
from domain.routing import Availability
from services.prices import learning
from services.quotes import quotes
from storage.prices import remember
from storage.records import EventRecord, EvidenceMarkRecord, PriceEvidenceRecord
from tests.support.engine import Engine
from tests.support.rows import a_job, an_attempt, keep


def an_end(engine: Engine, nano: int | None, **attempt: Any) -> None:  # noqa: ANN401 - columns
    """A job of ``film`` that has ended well, ten seconds ago."""
    at = engine.clock() - timedelta(seconds=10)
    given = attempt.pop("input", {"prompt": "a red kite"})
    of_film = {"provider": "fal", "endpoint": "test/film"}
    job = a_job(
        project_id=engine.project_id, model="film", status=JobStatus.SUCCEEDED, input=given, **of_film
    )
    defaults: dict[str, Any] = of_film | {
        "status": AttemptStatus.SUCCEEDED,
        "cost_nano": nano,
        "cost_basis": Basis.BILLABLE_UNITS,
        "detected_at": at,
    }
    row = an_attempt(job, **(defaults | attempt))
    event = EventRecord(
        id=_id(at, job.id),
        project_id=engine.project_id,
        job_id=job.id,
        type="job.succeeded",
        body="{}",
        created_at=at,
    )
    keep(engine.runtime, job, row, event)


def _id(at: datetime, like: UUID) -> UUID:
    """An id of that time, as different as the other one."""
    return UUID(int=(int(at.timestamp() * 1000) << 80) | (like.int & (2**80 - 1)))


def film(engine: Engine, **given: object) -> dict[str, Any]:
    """What a film is quoted at."""
    body = {"model": "film", "input": {"prompt": "another kite", **given}}
    [only] = quotes(engine.runtime, JobRequest.model_validate(body))["offers"]
    quoted: dict[str, Any] = only
    return quoted


def rows(engine: Engine) -> list[PriceEvidenceRecord]:
    with engine.runtime.database.work() as session:
        return list(session.exec(select(PriceEvidenceRecord)))


def test_a_price_that_nobody_publishes_is_quoted_by_what_was_paid_here(engine: Engine) -> None:
    assert (film(engine)["high"], film(engine)["evidence"]["n"]) == (None, None)
    assert "too few jobs like it have run here" in film(engine)["evidence"]["words"]
    for nano in (80_000_000, 140_000_000, 90_000_000, 100_000_000, 110_000_000):
        an_end(engine, nano)
    learning.learn(engine.runtime)
    quoted = film(engine)
    assert (quoted["low"]["usd"], quoted["high"]["usd"], quoted["basis"]) == ("0.08", "0.14", "history")
    assert not quoted["exact"]
    found = quoted["evidence"]
    assert (found["n"], found["p5"]["usd"], found["p95"]["usd"]) == (5, "0.08", "0.14")
    assert found["from"] == found["to"] == "2026-11-22T11:59:50.000Z"
    assert found["words"] == (
        "the 5 newest jobs like it cost $0.08 to $0.14 here, nine in ten $0.08 to $0.14"
    )


def test_jobs_are_taken_once_and_those_of_now_a_little_later(engine: Engine) -> None:
    for _ in range(5):
        an_end(engine, 7)
    learning.learn(engine.runtime)
    learning.learn(engine.runtime)
    assert [row.n for row in rows(engine)] == [5]
    engine.clock.advance(1)
    learning.learn(engine.runtime)
    engine.clock.advance(12)
    an_end(engine, 9, detected_at=engine.clock())
    learning.learn(engine.runtime)
    assert [(row.n, row.high_nano) for row in rows(engine)] == [(6, 9)]
    assert film(engine)["high"]["nano_usd"] == 9


def test_only_so_many_of_the_newest_are_taken_at_a_time(engine: Engine) -> None:
    for nano in range(5):
        an_end(engine, nano)
    learning.learn(engine.runtime, most=3)
    learning.learn(engine.runtime, most=3)
    assert [row.n for row in rows(engine)] == [3]


def test_what_is_no_evidence_is_not_taken(engine: Engine) -> None:
    an_end(engine, None)
    an_end(engine, 5, cost_basis=Basis.CATALOGUE)
    an_end(engine, 5, status=AttemptStatus.FAILED)
    an_end(engine, 5, input={})
    an_end(engine, 5, input={"prompt": "a kite", "colour": "red"})
    learning.learn(engine.runtime)
    assert rows(engine) == []


def test_other_inputs_and_other_prices_are_not_comparable(engine: Engine) -> None:
    for nano in range(5):
        an_end(engine, nano, input={"prompt": "a kite", "duration": 5}, unit_price=Decimal("0.10"))
        an_end(engine, nano + 50, input={"prompt": "a kite", "duration": 10}, unit_price=Decimal("0.1"))
    learning.learn(engine.runtime)
    named = {"provider": "fal", "endpoint": "test/film", "unit": "film"}
    with engine.runtime.database.work() as session:
        remember(session, **named, usd=Decimal("0.100"), at=engine.clock())
    assert [film(engine, duration=seconds)["high"]["nano_usd"] for seconds in (5, 10)] == [4, 54]
    assert film(engine, duration=7)["high"] is None
    with engine.runtime.database.work() as session:
        remember(session, **named, usd=Decimal("0.2"), at=engine.clock())
    assert film(engine, duration=5)["high"] is None


def test_a_sandbox_is_no_evidence_for_what_is_real(engine: Engine) -> None:
    for _ in range(5):
        an_end(engine, 7, sandbox=True)
    learning.learn(engine.runtime)
    assert film(engine)["high"] is None
    available = engine.runtime.available
    assert isinstance(available, dict)
    available["fal"] = available["linkmodel"] = Availability(configured=True, sandbox=True)
    assert film(engine)["high"]["nano_usd"] == 7


def test_what_has_grown_old_is_taken_out_again(engine: Engine) -> None:
    for nano in range(5):
        an_end(engine, nano)
    learning.learn(engine.runtime)
    engine.clock.advance(WINDOW.total_seconds() - 20)
    for nano in range(10, 15):
        an_end(engine, nano)
    learning.learn(engine.runtime)
    engine.clock.advance(15)
    learning.tidy(engine.runtime)
    assert [(row.n, row.low_nano) for row in rows(engine)] == [(5, 10)]
    engine.clock.advance(WINDOW.total_seconds())
    assert film(engine)["high"] is None
    learning.tidy(engine.runtime)
    assert rows(engine) == []


def test_one_watcher_takes_them_while_another_does(engine: Engine) -> None:
    an_end(engine, 7)
    with engine.runtime.database.work() as session:
        session.exec(select(EvidenceMarkRecord).with_for_update()).one()
        learning.learn(engine.runtime)
        assert rows(engine) == []
    learning.learn(engine.runtime)
    assert len(rows(engine)) == 1


def test_a_start_that_was_billed_is_told_apart(engine: Engine) -> None:
    for nano in range(100, 105):
        an_end(engine, nano, cost_basis=Basis.GPU_SECONDS, spin_up_nano=60)
    learning.learn(engine.runtime)
    [row] = rows(engine)
    assert (row.high_nano, row.work_low_nano, row.work_high_nano, row.pays_starts) == (104, 40, 44, True)


def test_jobs_that_are_all_different_do_not_crowd_out_what_is_enough_to_go_by(engine: Engine) -> None:
    for nano in range(5):
        an_end(engine, nano)
    learning.learn(engine.runtime)
    engine.clock.advance(20)
    for number in range(6):
        an_end(engine, 9, input={"prompt": "a kite", "extra": {"name": number}})
    learning.learn(engine.runtime, kinds=3)
    assert sorted(row.n for row in rows(engine)) == [1, 1, 5]
    assert film(engine)["high"]["nano_usd"] == 4
