"""Inbound webhooks: a hint for open generations, an adoption where the answer was lost, and nothing else."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from domain.costs import NOT_BILLED, Basis, Cost
from domain.failures import ErrorCode, Failure
from domain.lanes import Lane
from domain.lifecycle import AttemptStatus, JobStatus
from providers.base import (
    Accepted,
    Ended,
    Finished,
    Generating,
    HookHint,
    HookRefused,
    HookUnverifiable,
    NotAccepted,
    OutcomeUnknown,
    Output,
    Submission,
)
from services.hooks import Listener, Rejected
from services.refusals import NotFound, Unavailable
from storage import jobs, lanes
from storage.database import Session
from storage.entrance import Entrance
from tests.support.engine import Engine, taken
from tests.support.taking import receive
from tests.support.until import until

BROKEN = Failure(ErrorCode.PROVIDER_FAILED, "the runner died", retryable=True)
DONE = Finished((Output("http://127.0.0.1:1/1.png"),), Cost(30_000_000, Basis.BILLABLE_UNITS, final=True))


@dataclass(frozen=True)
class Verifier:
    """Takes the body for the request's id, or raises what the test says; ``keyless`` has keys to fetch."""

    error: Exception | None = None
    keyless: bool = False

    def check(self, headers: Mapping[str, str], body: bytes) -> HookHint | None:
        return None if self.keyless else self.verify(headers, body)

    def verify(self, headers: Mapping[str, str], body: bytes) -> HookHint:
        assert headers == {"x-signature": "s"}
        if self.error is not None:
            raise self.error
        return HookHint(body.decode())


def listening(engine: Engine, error: Exception | None = None) -> Engine:
    return replace(engine, runtime=replace(engine.runtime, hooks={"fal": Verifier(error)}))


def told_by_fal(token: str, request_id: str, provider: str = "fal") -> dict[str, Any]:
    headers = {"x-signature": "s"}
    return {"provider": provider, "token": token, "headers": headers, "body": request_id.encode()}


def hear(engine: Engine, token: str, request_id: str = "request-1", provider: str = "fal") -> None:
    receive(listening(engine).runtime, **told_by_fal(token, request_id, provider))


def waiting(session: Session) -> bool:
    return bool(session.connection().execute(text("SELECT 1 FROM pg_locks WHERE NOT granted")).first())


def last_hook(engine: Engine) -> datetime:
    with engine.runtime.database.work() as session:
        at = lanes.every(session)[Lane("fal", "test/pair/b")].hook_at
    assert at is not None
    return at


def at_fal(engine: Engine, answer: "Accepted | Exception | Callable[[Submission], Accepted]") -> UUID:
    engine.fal.submits.says(answer)
    job_id = engine.accept(routing={"provider": "fal"})
    engine.submit(job_id)
    return job_id


def test_a_webhook_has_the_job_looked_at_at_once_and_decides_nothing(engine: Engine) -> None:
    job_id = at_fal(engine, taken())
    assert engine.due_in(job_id) == 2.0
    hear(engine, engine.attempt(job_id).token)
    assert (engine.job(job_id).status, engine.due_in(job_id)) == ("running", 0.0)


def test_a_webhook_whose_keys_must_be_fetched_is_heard_as_well(engine: Engine) -> None:
    job_id = at_fal(engine, taken())
    keyless = replace(engine.runtime, hooks={"fal": Verifier(keyless=True)})
    receive(keyless, **told_by_fal(engine.attempt(job_id).token, "request-1"))
    assert engine.due_in(job_id) == 0.0


def test_a_large_webhook_holds_up_no_others(engine: Engine) -> None:
    threads = set[str]()

    class Noting(Verifier):
        def verify(self, headers: Mapping[str, str], body: bytes) -> HookHint:
            threads.add(threading.current_thread().name)
            return HookHint(super().verify(headers, body).request_id[:9])

    job_id = at_fal(engine, taken())
    noting = replace(engine.runtime, hooks={"fal": Noting()})

    async def both() -> str:
        async with Entrance.opened(noting.database.url) as entrance:
            for size in (0, 100_000):
                told = told_by_fal(engine.attempt(job_id).token, "request-1" + " " * size)
                await Listener(noting, entrance).receive(**told)
        return threading.current_thread().name

    here = asyncio.run(both())
    assert here in threads
    assert len(threads) == 2


def test_a_webhook_waits_for_whoever_is_at_work_on_its_job(engine: Engine) -> None:
    job_id = at_fal(engine, taken())
    token = engine.attempt(job_id).token
    with ThreadPoolExecutor(1) as thread:
        with engine.runtime.database.work() as session:
            jobs.lock_job(session, job_id)
            session.connection().execute(text("UPDATE agenda SET owner = 'watcher:1'"))
            hearing = thread.submit(hear, engine, token)
            until(lambda: waiting(session), "the webhook waits")
        hearing.result()
    assert engine.due_in(job_id) == 0.0


def test_that_webhooks_come_is_written_down_once_a_minute(engine: Engine) -> None:
    job_id = at_fal(engine, taken())
    token = engine.attempt(job_id).token
    runtime, begun = listening(engine).runtime, engine.clock()

    async def scene() -> list[float]:
        told = []
        async with Entrance.opened(runtime.database.url) as entrance:
            listener = Listener(runtime, entrance)
            # Whether it is the usual word, or an odd one that is looked into.
            for seconds, request_id in ((0, "request-1"), (59, "request-1"), (0, "odd"), (1, "odd")):
                engine.clock.advance(seconds)
                await listener.receive(**told_by_fal(token, request_id))
                told.append((last_hook(engine) - begun).total_seconds())
        return told

    assert asyncio.run(scene()) == [0, 0, 0, 60]


def test_a_webhook_adopts_the_request_whose_answer_was_lost(engine: Engine) -> None:
    job_id = at_fal(engine, OutcomeUnknown("the answer was lost"))
    assert engine.job(job_id).status == JobStatus.REVIEW
    hear(engine, engine.attempt(job_id).token, "request-9")
    job, attempt = engine.job(job_id), engine.attempt(job_id)
    assert (job.status, job.error, job.ended_at) == ("running", None, None)
    assert (attempt.status, attempt.provider_request_id) == ("running", "request-9")
    assert engine.due_in(job_id) == 0.0
    engine.sees(job_id, DONE)
    assert engine.job(job_id).status == JobStatus.STORING


def test_a_webhook_that_overtakes_the_answer_is_joined_by_it(engine: Engine) -> None:
    def overtaken(submission: Submission) -> Accepted:
        hear(engine, submission.token)
        assert engine.job(job_id).status == JobStatus.RUNNING
        return taken(status_url="https://p.example/s", price_nano=5)

    engine.fal.submits.says(overtaken)
    job_id = engine.accept(routing={"provider": "fal"})
    engine.submit(job_id)
    attempt = engine.attempt(job_id)
    assert (attempt.status, attempt.provider_request_id) == ("running", "request-1")
    assert (attempt.status_url, attempt.price_nano) == ("https://p.example/s", 5)
    assert engine.steps(job_id).count("submitted") == 1


def test_a_webhook_about_another_request_hints_at_nothing(engine: Engine) -> None:
    job_id = at_fal(engine, taken())
    hear(engine, engine.attempt(job_id).token, "request-of-another")
    assert engine.due_in(job_id) == 2.0
    assert engine.attempt(job_id).provider_request_id == "request-1"


def test_a_webhook_for_a_reviewed_job_has_it_looked_at(engine: Engine) -> None:
    job_id = at_fal(engine, taken())
    engine.fal.intervals.says(None)
    engine.sees(job_id, Generating())
    assert engine.due_in(job_id) == 600.0
    hear(engine, engine.attempt(job_id).token)
    assert (engine.job(job_id).status, engine.due_in(job_id)) == ("review", 0.0)


def test_a_late_webhook_does_not_free_a_job_that_a_worker_is_sending_again(engine: Engine) -> None:
    def late(_: Submission) -> Accepted:
        hear(engine, first.token)
        engine.claim()
        assert engine.job(job_id).status == JobStatus.SUBMITTING
        return taken(request_id="request-2")

    job_id = at_fal(engine, taken())
    first = engine.attempt(job_id)
    engine.sees(job_id, Ended(BROKEN, NOT_BILLED))
    engine.clock.advance(60)
    engine.fal.submits.says(late)
    engine.submit(job_id)
    assert engine.attempt(job_id).provider_request_id == "request-2"


def test_a_webhook_after_the_verdict_does_not_disturb_the_storing(engine: Engine) -> None:
    job_id = at_fal(engine, taken())
    engine.sees(job_id, DONE)
    engine.clock.advance(1)
    engine.claim()
    before = engine.agenda(job_id)
    hear(engine, engine.attempt(job_id).token)
    assert engine.agenda(job_id) == before
    assert engine.attempt(job_id).status == AttemptStatus.STORING


@pytest.mark.parametrize("token", ["no-such-token", ""])
def test_a_webhook_for_no_attempt_of_ours_is_not_found(engine: Engine, token: str) -> None:
    with pytest.raises(NotFound, match="no attempt of ours"):
        hear(engine, token)


def test_a_webhook_for_an_attempt_at_another_provider_is_not_found(engine: Engine) -> None:
    token = engine.attempt(engine.running()).token
    with pytest.raises(NotFound, match="no attempt of ours"):
        hear(engine, token)


def test_a_provider_without_webhooks_is_not_found(engine: Engine) -> None:
    with pytest.raises(NotFound, match="linkmodel sends no webhooks here"):
        hear(engine, "token", provider="linkmodel")


@pytest.mark.parametrize(
    ("error", "refusal"),
    [(HookRefused("not signed by fal"), Rejected), (HookUnverifiable("no keys"), Unavailable)],
)
def test_a_webhook_that_cannot_be_shown_to_be_genuine_changes_nothing(
    engine: Engine, error: Exception, refusal: type[Exception]
) -> None:
    job_id = at_fal(engine, taken())
    with pytest.raises(refusal, match=str(error)):
        receive(listening(engine, error).runtime, **told_by_fal(engine.attempt(job_id).token, "request-1"))
    assert engine.due_in(job_id) == 2.0


def test_a_public_url_asks_the_provider_for_a_webhook_of_this_attempt(engine: Engine) -> None:
    settings = engine.runtime.settings.model_copy(update={"public_url": "https://d.example"})
    public = replace(engine, runtime=replace(engine.runtime, settings=settings))
    job_id = at_fal(public, taken())
    [sent] = engine.fal.submits.asked
    assert sent.webhook_url == f"https://d.example/hooks/fal/{engine.attempt(job_id).token}"


def test_an_answer_for_an_attempt_that_was_decided_meanwhile_keeps_its_id(engine: Engine) -> None:
    def decided(submission: Submission) -> Accepted:
        with engine.runtime.database.work() as session:
            attempt = session.merge(engine.attempt(job_id))
            attempt.status = AttemptStatus.FAILED
        assert submission.token == engine.attempt(job_id).token
        return taken(request_id="request-late")

    engine.fal.submits.says(decided)
    job_id = engine.accept(routing={"provider": "fal"})
    engine.submit(job_id)
    attempt = engine.attempt(job_id)
    assert (attempt.status, attempt.provider_request_id) == ("failed", "request-late")
    assert engine.steps(job_id)[-1] == "accepted_late"


def test_an_answer_that_names_another_request_than_the_webhook_is_kept_on_record(engine: Engine) -> None:
    def overtaken(submission: Submission) -> Accepted:
        hear(engine, submission.token, "request-1")
        return taken(request_id="request-2")

    job_id = at_fal(engine, overtaken)
    assert engine.attempt(job_id).provider_request_id == "request-1"
    last = engine.timeline(job_id)[-1]
    assert (last.type, last.data) == ("accepted_late", {"provider_request_id": "request-2"})


def test_a_refusal_of_what_the_webhook_has_shown_to_be_taken_does_not_count(engine: Engine) -> None:
    def overtaken(submission: Submission) -> Accepted:
        hear(engine, submission.token)
        raise NotAccepted(BROKEN)

    job_id = at_fal(engine, overtaken)
    assert (engine.job(job_id).status, engine.attempt(job_id).provider_request_id) == ("running", "request-1")


def given_up(engine: Engine) -> UUID:
    """A job whose request was refused for all that could be seen, and that waits for its next try."""
    return at_fal(engine, NotAccepted(BROKEN))


def test_a_request_that_was_held_for_refused_is_taken_up_while_nothing_else_was_sent(engine: Engine) -> None:
    job_id = given_up(engine)
    assert (engine.job(job_id).status, engine.attempt(job_id).cost_nano) == ("queued", 0)
    hear(engine, engine.attempt(job_id).token, "request-9")
    job, attempt = engine.job(job_id), engine.attempt(job_id)
    assert (job.status, attempt.status, attempt.provider_request_id) == ("running", "running", "request-9")
    assert (attempt.cost_nano, engine.due_in(job_id)) == (None, 0.0)
    assert "accepted_late" in engine.steps(job_id)
    engine.sees(job_id, DONE)
    assert engine.job(job_id).status == JobStatus.STORING
    assert len(engine.fal.submits.asked) == 1


def test_the_job_goes_on_at_the_offer_that_has_taken_it(engine: Engine) -> None:
    engine.fal.submits.says(NotAccepted(replace(BROKEN, retryable=False, elsewhere=True)))
    job_id = engine.accept(routing={"provider": "auto", "policy": "quality"})
    while engine.job(job_id).provider != "fal":
        engine.linkmodel.submits.says(NotAccepted(BROKEN))
        engine.clock.advance(60)
        engine.submit(job_id)
    engine.clock.advance(60)
    engine.submit(job_id)
    assert (engine.job(job_id).status, engine.job(job_id).provider) == ("queued", "linkmodel")
    hear(engine, engine.attempt(job_id).token, "request-9")
    job = engine.job(job_id)
    assert (job.status, job.provider, job.plan[job.plan_at]["provider"]) == ("running", "fal", "fal")


def test_what_was_sent_again_meanwhile_is_booked_once_its_verdict_is_there(engine: Engine) -> None:
    job_id = given_up(engine)
    first = engine.attempt(job_id)
    engine.clock.advance(60)
    engine.fal.submits.says(taken(request_id="request-2"))
    engine.submit(job_id)
    engine.fal.looks.says(Generating())
    with pytest.raises(Unavailable, match="fal has no verdict yet"):
        hear(engine, first.token, "request-9")
    engine.fal.looks.says(DONE)
    hear(engine, first.token, "request-9")
    hear(engine, first.token, "request-9")
    late, current = engine.attempts(job_id)
    assert (late.status, late.provider_request_id, late.cost_nano) == ("failed", "request-9", 30_000_000)
    assert (engine.job(job_id).status, current.provider_request_id) == ("running", "request-2")
    assert engine.held_and_spent()[1] == 30_000_000
    assert engine.steps(job_id).count("late_verdict") == 1


def test_what_was_made_although_the_job_had_failed_is_fetched(engine: Engine) -> None:
    final = replace(BROKEN, retryable=False)
    job_id = at_fal(engine, NotAccepted(final))
    assert engine.job(job_id).status == JobStatus.FAILED
    engine.fal.looks.says(DONE)
    hear(engine, engine.attempt(job_id).token, "request-9")
    assert (engine.job(job_id).status, engine.attempt(job_id).status) == ("storing", "storing")
    assert engine.held_and_spent()[1] == 30_000_000


def test_a_late_failure_of_an_ended_job_changes_what_it_cost_and_nothing_else(engine: Engine) -> None:
    job_id = at_fal(engine, NotAccepted(replace(BROKEN, retryable=False)))
    engine.fal.looks.says(Ended(BROKEN, Cost(7_000_000, Basis.BILLABLE_UNITS, final=True)))
    hear(engine, engine.attempt(job_id).token, "request-9")
    job = engine.job(job_id)
    assert (job.status, job.cost_nano) == ("failed", 7_000_000)


def test_a_webhook_that_names_anothers_request_takes_nothing_from_it(engine: Engine) -> None:
    other = at_fal(engine, taken(request_id="request-7"))
    job_id = at_fal(engine, OutcomeUnknown("the answer was lost"))
    hear(engine, engine.attempt(job_id).token, "request-7")
    assert (engine.job(job_id).status, engine.attempt(job_id).provider_request_id) == ("review", None)
    assert engine.attempt(other).provider_request_id == "request-7"


def test_a_provider_whose_key_is_gone_is_to_tell_us_again(engine: Engine) -> None:
    job_id = at_fal(engine, NotAccepted(replace(BROKEN, retryable=False)))
    without = replace(engine, runtime=replace(engine.runtime, providers={}))
    with pytest.raises(Unavailable, match="fal is not set up here any more"):
        hear(without, engine.attempt(job_id).token, "request-9")
    assert engine.attempt(job_id).provider_request_id == "request-9"
