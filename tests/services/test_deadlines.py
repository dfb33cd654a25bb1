"""A job's deadline at every moment of its life, and the money afterwards."""

from domain.costs import Basis, Cost
from domain.failures import ErrorCode, Failure
from domain.lifecycle import JobStatus
from providers.base import Accepted, CancelAnswer, Ended, Finished, Output, Submission
from services import deadlines
from services.again import retry
from services.cancel import cancel, record_answer
from tests.support.engine import Engine, taken

PAID = Cost(20_000_000, Basis.PROVIDER_PRICE, final=True)
DONE = Finished((Output("http://127.0.0.1:1/1.png"),), PAID)
GONE = Ended(
    Failure(ErrorCode.CANCELED, "it was stopped"), Cost(0, Basis.NOT_BILLED, final=True), canceled=True
)
ROUTING = {"deadline": 60}


def late(engine: Engine, seconds: float = 60.0) -> None:
    engine.clock.advance(seconds)
    deadlines.sweep(engine.runtime)


def test_a_job_that_still_waits_has_failed_and_costs_nothing(engine: Engine) -> None:
    job_id = engine.accept(routing=ROUTING)
    late(engine, 59.9)
    assert engine.job(job_id).status == JobStatus.QUEUED
    late(engine, 0.1)
    assert (engine.job(job_id).status, engine.error(job_id)) == ("failed", "deadline")
    assert engine.job(job_id).error == {
        "code": "deadline",
        "message": "the job did not end within its deadline of 60 s",
        "provider_code": None,
        "retryable": False,
    }
    assert engine.held_and_spent() == (0, 0)
    assert engine.agenda(job_id) is None
    assert [event.type for event in engine.told(job_id)] == ["job.failed"]


def test_a_job_without_a_deadline_waits(engine: Engine) -> None:
    job_id = engine.accept()
    late(engine, 1e6)
    assert engine.job(job_id).status == JobStatus.QUEUED


def test_a_running_job_is_asked_to_stop_once(engine: Engine) -> None:
    job_id = engine.running(routing=ROUTING)
    late(engine)
    late(engine)
    assert engine.steps(job_id).count("deadline_passed") == 1
    assert engine.due_in(job_id) == -60.0
    assert engine.look(job_id, DONE).open.cancel


def test_what_the_provider_dropped_has_failed_by_its_deadline(engine: Engine) -> None:
    job_id = engine.running(routing=ROUTING)
    late(engine)
    record_answer(engine.runtime, engine.attempt(job_id).id, CancelAnswer("removed", "it waited"))
    assert (engine.job(job_id).status, engine.error(job_id)) == ("failed", "deadline")
    assert engine.held_and_spent() == (0, 0)


def test_what_the_provider_stopped_has_failed_by_its_deadline(engine: Engine) -> None:
    job_id = engine.running(routing=ROUTING)
    late(engine)
    engine.sees(job_id, GONE)
    assert (engine.job(job_id).status, engine.error(job_id)) == ("failed", "deadline")


def test_what_was_made_meanwhile_is_kept(engine: Engine) -> None:
    job_id = engine.running(routing=ROUTING)
    late(engine)
    engine.sees(job_id, DONE)
    assert engine.job(job_id).status == JobStatus.STORING
    late(engine)
    assert engine.job(job_id).status == JobStatus.STORING


def test_a_job_that_is_being_sent_is_stopped_as_soon_as_it_has_an_id(engine: Engine) -> None:
    def pass_meanwhile(_: Submission) -> Accepted:
        late(engine)
        return taken()

    engine.linkmodel.submits.says(pass_meanwhile)
    job_id = engine.running(routing=ROUTING)
    assert "deadline_passed" in engine.steps(job_id)
    assert engine.look(job_id, DONE).open.cancel


def test_a_job_that_was_canceled_before_is_canceled(engine: Engine) -> None:
    job_id = engine.running(routing=ROUTING)
    cancel(engine.runtime, project_id=engine.project_id, job_id=job_id)
    late(engine)
    engine.sees(job_id, GONE)
    assert (engine.job(job_id).status, engine.error(job_id)) == ("canceled", "canceled")


def test_a_retry_has_its_whole_time_again(engine: Engine) -> None:
    job_id = engine.accept(routing=ROUTING)
    late(engine, 90)
    retry(engine.runtime, project_id=engine.project_id, job_id=job_id)
    late(engine, 59.9)
    assert engine.job(job_id).status == JobStatus.QUEUED
    late(engine, 0.1)
    assert engine.error(job_id) == "deadline"
