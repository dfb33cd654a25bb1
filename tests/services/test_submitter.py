"""Carrying jobs for a process: late answers hold up nobody, and are written down all the same."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from structlog.testing import capture_logs

from domain.lifecycle import JobStatus
from providers.base import Accepted, Submission
from services.submit import Submitter
from tests.support.engine import WORKER, Engine, taken
from tests.support.until import until

LONG = 60.0


class Slow:
    """A provider that answers a prompt ``late`` once it may, and all others at once."""

    def __init__(self) -> None:
        self.asked, self.may = threading.Semaphore(0), threading.Event()

    def answer(self, submission: Submission) -> Accepted:
        if submission.arguments["prompt"] == "late":
            self.asked.release()
            assert self.may.wait(LONG)
        return taken(request_id=submission.token)


@contextmanager
def slow(engine: Engine) -> Iterator[Slow]:
    provider = Slow()
    engine.linkmodel.submits.says(provider.answer)
    try:
        yield provider
    finally:
        provider.may.set()


def test_the_next_jobs_are_carried_while_an_answer_is_late(engine: Engine) -> None:
    submitter = Submitter(engine.runtime, patience_seconds=0.1)
    late, beside, after = engine.accept(prompt="late"), engine.accept(), engine.accept()
    with slow(engine) as provider:
        submitter.carry([late, beside], owner=WORKER)
        submitter.carry([after], owner=WORKER)
        assert provider.asked.acquire(timeout=LONG)
        until(lambda: engine.job(after).status == JobStatus.RUNNING, "the next job to be taken")
        until(lambda: engine.job(beside).status == JobStatus.RUNNING, "the answer that came to be kept")
        assert engine.job(late).status == JobStatus.SUBMITTING
    submitter.finish(LONG)
    assert engine.job(late).status == JobStatus.RUNNING
    assert len(engine.linkmodel.submits.asked) == 3


def test_what_comes_in_time_is_written_down_when_it_returns(engine: Engine) -> None:
    submitter = Submitter(engine.runtime, patience_seconds=LONG)
    job_ids = [engine.accept() for _ in range(20)]
    submitter.carry(job_ids, owner=WORKER)
    assert {engine.job(job_id).status for job_id in job_ids} == {JobStatus.RUNNING}
    submitter.finish(0)


def test_nothing_is_begun_where_too_much_is_late(engine: Engine) -> None:
    submitter = Submitter(engine.runtime, lots=2, patience_seconds=0)
    jobs = [engine.accept(prompt="late") for _ in range(3)]
    with slow(engine) as provider:
        for job_id in jobs[:2]:
            submitter.carry([job_id], owner=WORKER)
            assert provider.asked.acquire(timeout=LONG)
        third = threading.Thread(target=submitter.carry, args=(jobs[2:],), kwargs={"owner": WORKER})
        third.start()
        assert not provider.asked.acquire(timeout=0.3)
        assert (engine.job(jobs[2]).status, engine.attempts(jobs[2])) == (JobStatus.QUEUED, [])
        provider.may.set()
        third.join(LONG)
    submitter.finish(LONG)
    assert {engine.job(job_id).status for job_id in jobs} == {JobStatus.RUNNING}


def test_its_end_does_not_wait_for_ever(engine: Engine) -> None:
    submitter = Submitter(engine.runtime, patience_seconds=0)
    late = engine.accept(prompt="late")
    with slow(engine) as provider:
        submitter.carry([late], owner=WORKER)
        assert provider.asked.acquire(timeout=LONG)
        submitter.finish(0.05)
        assert engine.job(late).status == JobStatus.SUBMITTING
    until(lambda: engine.job(late).status == JobStatus.RUNNING, "the answer to be kept after all")


def test_a_fault_is_told_and_the_next_jobs_are_carried(engine: Engine) -> None:
    submitter = Submitter(engine.runtime, lots=1, patience_seconds=LONG)
    broken, fine = engine.accept(prompt="broken"), engine.accept()

    def answer(submission: Submission) -> Accepted:
        if submission.arguments["prompt"] == "broken":
            raise RuntimeError("nobody foresaw this")
        return taken(request_id=submission.token)

    engine.linkmodel.submits.says(answer)
    with capture_logs() as logs:
        submitter.carry([broken], owner=WORKER)
    assert "submit_broke" in [line["event"] for line in logs]
    submitter.carry([fine], owner=WORKER)
    submitter.finish(LONG)
    assert [engine.job(job_id).status for job_id in (broken, fine)] == ["submitting", "running"]
