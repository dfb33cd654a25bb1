"""Erasing a job: nothing of the prompt or the files is left, and nothing of the money changes."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from pytest_httpserver import HTTPServer

from domain.costs import UNKNOWN_COST, Basis, Cost
from domain.failures import ErrorCode, Failure
from domain.generation import JobRequest
from domain.lifecycle import AttemptStatus, JobStatus
from providers.base import Ended, Finished, LookFailed, NotAccepted, Output, PayloadErased
from services import ending, erasing, late, reading, replay, shredding
from services.accept import Acceptance, Repeatable
from services.again import retry
from services.cancel import cancel
from services.refusals import Conflict, NotFound
from storage import jobs
from storage.objects.base import StoreUnavailable
from storage.objects.local import LocalStore
from storage.records import DeliveryTryRecord
from tests.support.engine import Engine, taken
from tests.support.everything import MONEY, everything
from tests.support.files import a_picture
from tests.support.rows import a_job, keep
from tests.support.taking import accept
from tests.support.together import at_once

PROMPT = "marker7f3a"
PAID = Cost(20_000_000, Basis.PROVIDER_PRICE, final=True)
QUOTING = Failure(ErrorCode.PROVIDER_REJECTED, f"no such thing as {PROMPT}", elsewhere=True)


def made(engine: Engine, server: HTTPServer, **fields: Any) -> UUID:  # noqa: ANN401 - of the request
    """A job that one provider refused, quoting its prompt, and another made a file for."""
    engine.linkmodel.submits.says(NotAccepted(QUOTING))
    engine.fal.submits.says(taken(request_id=str(uuid4())))
    job_id = engine.accept(prompt=PROMPT, tags={"client": "acme"}, **fields)
    engine.work()
    server.expect_request("/made.png").respond_with_data(a_picture(), content_type="image/png")
    engine.sees(job_id, Finished((Output(server.url_for("/made.png")),), PAID))
    engine.collect(job_id)
    assert engine.job(job_id).status == JobStatus.SUCCEEDED
    return job_id


def erase(engine: Engine, job_id: UUID) -> dict[str, Any]:
    answer = erasing.erase(engine.runtime, project_id=engine.project_id, job_id=job_id)
    told: dict[str, Any] = answer["erasure"]
    return told


def standing(engine: Engine, job_id: UUID) -> dict[str, Any]:
    return erasing.job_erasure(engine.runtime, engine.project_id, job_id)


def failed(engine: Engine) -> UUID:
    """A job that was made and paid for, and whose files could not be had."""
    job_id = engine.running()
    engine.sees(job_id, Ended(Failure(ErrorCode.PROVIDER_FAILED, "no"), UNKNOWN_COST))
    assert engine.job(job_id).status == JobStatus.FAILED
    return job_id


def test_nothing_of_a_prompt_is_left_in_any_table(engine: Engine, httpserver: HTTPServer) -> None:
    job_id = made(engine, httpserver, callback_url=httpserver.url_for("/hook"))
    [delivery] = engine.deliveries(job_id)
    echo = DeliveryTryRecord(
        delivery_id=delivery.id, number=1, at=engine.clock(), milliseconds=1, answer=f"got {PROMPT}"
    )
    keep(engine.runtime, echo)
    before = everything(engine.runtime)
    assert before.count(PROMPT) >= 6
    assert "/made.png" in before
    erase(engine, job_id)
    after = everything(engine.runtime)
    assert PROMPT not in after
    assert "/made.png" not in after


def test_the_answer_kept_for_a_repeated_request_loses_the_prompt_and_still_holds_the_key(
    engine: Engine,
) -> None:
    def submit() -> Acceptance:
        request = JobRequest.model_validate({"model": "pair", "input": {"prompt": PROMPT}})
        return accept(
            engine.runtime,
            project_id=engine.project_id,
            request=request,
            repeatable=Repeatable("once", "fingerprint"),
        )

    job_id = submit().job_id
    cancel(engine.runtime, project_id=engine.project_id, job_id=job_id)
    erase(engine, job_id)
    assert PROMPT not in everything(engine.runtime)
    again = submit()
    assert (again.job_id, again.replayed) == (job_id, True)


def test_money_is_the_same_before_and_after(engine: Engine, httpserver: HTTPServer) -> None:
    job_id = made(engine, httpserver)
    cost = reading.job(engine.runtime, engine.project_id, job_id)["cost"]
    before = everything(engine.runtime, *MONEY)
    erase(engine, job_id)
    shredding.sweep(engine.runtime)
    assert everything(engine.runtime, *MONEY) == before
    job = reading.job(engine.runtime, engine.project_id, job_id)
    assert (job["cost"], job["tags"], job["status"]) == (cost, {"client": "acme"}, "succeeded")
    assert engine.held_and_spent() == (0, 20_000_000)
    assert engine.steps(job_id)[-2:] == ["erase_requested", "erased"]


def test_a_job_tells_at_once_that_it_is_empty_and_then_that_all_is_gone(
    engine: Engine, httpserver: HTTPServer
) -> None:
    job_id = made(engine, httpserver)
    [key] = [asset.key for asset in engine.assets(job_id)]
    told = erase(engine, job_id)
    job = reading.job(engine.runtime, engine.project_id, job_id)
    assert (job["input"], job["assets"], job["erased_at"]) == ({}, [], None)
    assert job["erase_requested_at"] is not None
    assert told["record"] == {"state": "erased", "prompt": True, "assets": True}
    assert told["objects"] == {"state": "pending", "left": 1, "erased": 0}
    assert told["provider"]["state"] == "pending"
    assert engine.runtime.objects.stat(key) is not None
    shredding.sweep(engine.runtime)
    assert engine.runtime.objects.stat(key) is None
    told = standing(engine, job_id)
    assert told["objects"] == {"state": "erased", "left": 0, "erased": 1}
    assert told["provider"]["state"] == "erased"
    assert told["done_at"] is not None
    assert reading.job(engine.runtime, engine.project_id, job_id)["erased_at"] == told["done_at"]
    assert engine.fal.erasures.asked == [engine.attempt(job_id).provider_request_id]


def test_erasing_again_changes_nothing(engine: Engine, httpserver: HTTPServer) -> None:
    job_id = made(engine, httpserver)
    erase(engine, job_id)
    shredding.sweep(engine.runtime)
    first = everything(engine.runtime)
    engine.clock.advance(60)
    erase(engine, job_id)
    shredding.sweep(engine.runtime)
    assert everything(engine.runtime) == first
    assert len(engine.fal.erasures.asked) == 1


@pytest.mark.parametrize("go_on", ["queued", "running", "review"])
def test_only_a_job_that_is_over_is_erased(engine: Engine, go_on: str) -> None:
    if go_on == "review":
        job = a_job(project_id=engine.project_id, status=go_on, ended_at=engine.clock())
        keep(engine.runtime, job)
        job_id = job.id
    else:
        job_id = engine.accept() if go_on == "queued" else engine.running()
    with pytest.raises(Conflict, match=f"{go_on}: {'resolve' if go_on == 'review' else 'cancel'} it first"):
        erase(engine, job_id)
    assert engine.job(job_id).input["prompt"] == "a red kite"
    with pytest.raises(NotFound):
        standing(engine, job_id)


def test_another_projects_job_cannot_be_erased(engine: Engine) -> None:
    job_id = failed(engine)
    with pytest.raises(NotFound):
        erasing.erase(engine.runtime, project_id=uuid4(), job_id=job_id)
    erase(engine, job_id)
    with pytest.raises(NotFound):
        erasing.job_erasure(engine.runtime, uuid4(), job_id)


def test_what_is_erased_is_neither_run_again_nor_told_again(engine: Engine) -> None:
    job_id = engine.accept(callback_url="http://127.0.0.1:9/hook")
    cancel(engine.runtime, project_id=engine.project_id, job_id=job_id)
    erase(engine, job_id)
    [delivery] = engine.deliveries(job_id)
    assert (delivery.status, delivery.next_at) == ("failed", None)
    with pytest.raises(Conflict, match="was erased"):
        replay.redeliver(engine.runtime, engine.project_id, delivery.id)
    with pytest.raises(Conflict, match="submit a new one"):
        retry(engine.runtime, project_id=engine.project_id, job_id=job_id)


def test_a_late_verdict_books_its_cost_and_fetches_nothing_for_an_erased_job(engine: Engine) -> None:
    job_id = engine.running()
    with engine.runtime.database.work() as session:
        job, attempt = jobs.lock_attempt(session, engine.attempt(job_id).id)
        jobs.move_attempt(session, attempt, AttemptStatus.FAILED, ended_at=engine.clock())
        ending.end(engine.runtime, session, job, JobStatus.FAILED, QUOTING)
    erase(engine, job_id)
    engine.linkmodel.looks.says(Finished((Output("http://127.0.0.1:9/late.png"),), PAID))
    late.settle(engine.runtime, engine.attempt(job_id).id)
    assert engine.job(job_id).status == JobStatus.FAILED
    assert engine.held_and_spent() == (0, 20_000_000)
    assert "late.png" not in everything(engine.runtime)


class Stubborn(LocalStore):
    """A store that removes nothing while it is away."""

    away = True

    def delete(self, key: str) -> None:
        if self.away:
            raise StoreUnavailable("it is away")
        super().delete(key)


def test_a_store_that_is_away_is_asked_again_until_the_file_is_gone(
    engine: Engine, httpserver: HTTPServer, tmp_path: Path
) -> None:
    store = Stubborn(tmp_path / "objects", b"secret", "http://127.0.0.1")
    there = replace(engine, runtime=replace(engine.runtime, objects=store))
    job_id = made(there, httpserver)
    [key] = [asset.key for asset in there.assets(job_id)]
    erase(there, job_id)
    shredding.sweep(there.runtime)
    assert standing(there, job_id)["objects"] == {"state": "pending", "left": 1, "erased": 0}
    store.away = False
    shredding.sweep(there.runtime)
    assert store.stat(key) is not None
    there.clock.advance(60)
    shredding.sweep(there.runtime)
    assert store.stat(key) is None
    assert standing(there, job_id)["objects"]["erased"] == 1


class Dying(LocalStore):
    """A store in whose hands the process dies once, with the file removed."""

    died = False

    def delete(self, key: str) -> None:
        super().delete(key)
        if not self.died:
            self.died = True
            raise KeyboardInterrupt


def test_a_kill_in_the_middle_is_gone_on_from(engine: Engine, httpserver: HTTPServer, tmp_path: Path) -> None:
    store = Dying(tmp_path / "objects", b"secret", "http://127.0.0.1")
    there = replace(engine, runtime=replace(engine.runtime, objects=store))
    job_id = made(there, httpserver)
    erase(there, job_id)
    with pytest.raises(KeyboardInterrupt):
        shredding.sweep(there.runtime)
    assert standing(there, job_id)["objects"]["left"] == 1
    shredding.sweep(there.runtime)
    assert standing(there, job_id)["objects"]["left"] == 1
    there.clock.advance(timedelta(minutes=10).total_seconds())
    shredding.sweep(there.runtime)
    assert standing(there, job_id)["done_at"] is not None


def test_what_a_provider_cannot_erase_is_told_with_its_reason_and_tried_again_when_asked(
    engine: Engine, httpserver: HTTPServer
) -> None:
    job_id = made(engine, httpserver)
    engine.fal.erasures.says(LookFailed("only an admin key may: set FAL_ADMIN_KEY", permanent=True))
    erase(engine, job_id)
    shredding.sweep(engine.runtime)
    told = standing(engine, job_id)["provider"]
    assert told["state"] == "impossible"
    assert [one["message"] for one in told["requests"]] == ["only an admin key may: set FAL_ADMIN_KEY"]
    assert standing(engine, job_id)["done_at"] is not None
    engine.fal.erasures.says(PayloadErased(files=1))
    assert erase(engine, job_id)["provider"]["state"] == "pending"
    shredding.sweep(engine.runtime)
    assert standing(engine, job_id)["provider"]["state"] == "erased"


def test_a_provider_that_is_away_is_asked_again_and_given_up_after_thirty_days(
    engine: Engine, httpserver: HTTPServer
) -> None:
    job_id = made(engine, httpserver)
    engine.fal.erasures.says(LookFailed("it is away"))
    erase(engine, job_id)
    shredding.sweep(engine.runtime)
    assert standing(engine, job_id)["provider"]["state"] == "pending"
    engine.clock.advance(timedelta(days=30).total_seconds())
    shredding.sweep(engine.runtime)
    assert standing(engine, job_id)["provider"]["state"] == "failed"


def test_files_that_a_provider_cannot_remove_are_asked_about_again(
    engine: Engine, httpserver: HTTPServer
) -> None:
    job_id = made(engine, httpserver)
    engine.fal.erasures.says(PayloadErased(files=0, files_left=1), PayloadErased(files=1))
    erase(engine, job_id)
    shredding.sweep(engine.runtime)
    assert "could not remove 1 of the files" in standing(engine, job_id)["provider"]["requests"][0]["message"]
    engine.clock.advance(60)
    shredding.sweep(engine.runtime)
    assert standing(engine, job_id)["provider"]["state"] == "erased"


def test_a_provider_whose_key_was_taken_away_is_told_of(engine: Engine, httpserver: HTTPServer) -> None:
    job_id = made(engine, httpserver)
    erase(engine, job_id)
    shredding.sweep(replace(engine.runtime, providers={}))
    [told] = standing(engine, job_id)["provider"]["requests"]
    assert (told["state"], "fal is not set up here any more" in told["message"]) == ("impossible", True)


def test_many_erasures_are_done_in_one_sweep(engine: Engine) -> None:
    erased = []
    for _ in range(20):
        erased.append(engine.accept())
        cancel(engine.runtime, project_id=engine.project_id, job_id=erased[-1])
        erase(engine, erased[-1])
    shredding.sweep(engine.runtime)
    assert {engine.job(job_id).erased_at is not None for job_id in erased} == {True}


def test_asking_many_times_at_once_erases_once(engine: Engine, httpserver: HTTPServer) -> None:
    job_id = made(engine, httpserver)

    def ask_and_sweep() -> dict[str, Any]:
        answer = erase(engine, job_id)
        shredding.sweep(engine.runtime)
        return answer

    answers = at_once(ask_and_sweep, times=8)
    assert [isinstance(one, dict) and one["record"]["state"] for one in answers] == ["erased"] * 8
    shredding.sweep(engine.runtime)
    assert standing(engine, job_id)["objects"] == {"state": "erased", "left": 0, "erased": 1}
    assert standing(engine, job_id)["provider"]["state"] == "erased"
    assert engine.steps(job_id).count("erase_requested") == 1
