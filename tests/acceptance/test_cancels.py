"""Cancelling at every moment of a job: the answer says what could be stopped, and what was billed is kept."""

from typing import Any

import pytest

from tests.acceptance.cases import FLUX, polls
from tests.acceptance.linkmodel_cases import SEEDREAM
from tests.acceptance.world import World
from tests.emulators.fal_script import queued, running
from tests.emulators.linkmodel_script import Plan, stands
from tests.support.until import until

pytestmark = pytest.mark.timeout(300)


def _job(darkroom: World, prompt: str, model: str = FLUX) -> str:
    routing = {"provider": model.partition(":")[0], "fallback": False}
    job = darkroom.submit({"model": model, "kind": "image", "input": {"prompt": prompt}, "routing": routing})
    return str(job["id"])


def _cancel(darkroom: World, job_id: str) -> Any:  # noqa: ANN401 - JSON
    answer = darkroom.client.post(f"/v1/jobs/{job_id}/cancel")
    assert answer.status_code in {200, 202}, answer.text
    return answer.json()


def test_what_waits_in_the_providers_queue_is_removed_and_costs_nothing(darkroom: World) -> None:
    fal, prompt = darkroom.emulators.fal, "canceled in the queue"
    fal.expect(prompt, *polls(queued(3), open_ended=True)(darkroom.emulators))
    job_id = _job(darkroom, prompt)
    until(lambda: darkroom.status(job_id) == "running", "the submit")
    answer = _cancel(darkroom, job_id)
    assert answer["cancellation"]["message"]
    assert darkroom.ended(job_id)["status"] == "canceled"
    assert fal.accepted(prompt)[0].canceled


def test_what_runs_on_after_a_cancel_is_kept_because_it_is_billed(darkroom: World) -> None:
    fal, prompt = darkroom.emulators.fal, "canceled in vain"
    plans = polls(running(), open_ended=True, cancel_works=False)(darkroom.emulators)
    fal.expect(prompt, *plans)
    job_id = _job(darkroom, prompt)
    until(lambda: any(taken.started for taken in fal.accepted(prompt)), "the start")
    _cancel(darkroom, job_id)
    fal.complete(fal.accepted(prompt)[0])
    job = darkroom.ended(job_id)
    assert job["cost"]["nano_usd"] == fal.charge(fal.accepted(prompt)[0])
    assert job["status"] in {"succeeded", "canceled"}


def test_a_provider_that_cannot_cancel_is_no_error(darkroom: World) -> None:
    linkmodel, prompt = darkroom.emulators.linkmodel, "canceled at LinkModel"
    linkmodel.expect(
        prompt,
        Plan((stands("Processing"), stands("Success", output_images=[darkroom.emulators.cdn.image()]))),
    )
    job_id = _job(darkroom, prompt, SEEDREAM)
    until(lambda: darkroom.status(job_id) == "running", "the create")
    answer = _cancel(darkroom, job_id)
    assert answer["cancellation"]["message"]
    job = darkroom.ended(job_id)
    assert job["status"] in {"succeeded", "canceled"}
    assert job["cost"]["nano_usd"] == 74_000_000


def test_what_has_ended_cannot_be_canceled(darkroom: World) -> None:
    job_id = _job(darkroom, "canceled too late")
    assert darkroom.ended(job_id)["status"] == "succeeded"
    answer = darkroom.client.post(f"/v1/jobs/{job_id}/cancel")
    assert answer.status_code == 409
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_a_failed_job_is_tried_again_as_another_attempt_of_itself(darkroom: World) -> None:
    fal, prompt = darkroom.emulators.fal, "once more"
    fal.expect(prompt, *polls(queued(1), open_ended=True)(darkroom.emulators), *polls()(darkroom.emulators))
    job_id = _job(darkroom, prompt)
    until(lambda: darkroom.status(job_id) == "running", "the submit")
    _cancel(darkroom, job_id)
    assert darkroom.ended(job_id)["status"] == "canceled"
    answer = darkroom.client.post(f"/v1/jobs/{job_id}/retry")
    assert answer.is_success, answer.text
    job = darkroom.ended(job_id)
    assert job["status"] == "succeeded"
    assert [one["number"] for one in job["attempts"]] == [1, 2]
    assert fal.posts(prompt) == 2
