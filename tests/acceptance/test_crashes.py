"""Processes that are killed at the worst moment: nothing is sent twice, nothing that was paid for is lost."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.cases import FLUX, polls
from tests.acceptance.world import World
from tests.emulators.fal_script import Plan, output, running
from tests.emulators.onpost import OnPost
from tests.emulators.wire import Reply
from tests.support.until import until

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Set by the test, and at its end in any case: a held answer would hold the emulator's thread."""
    event = threading.Event()
    yield event
    event.set()


def _request(prompt: str) -> dict[str, Any]:
    return {"model": FLUX, "input": {"prompt": prompt}, "routing": {"provider": "fal", "fallback": False}}


@pytest.fixture
def cut_short(darkroom: World, gate: threading.Event) -> dict[str, Any]:
    """A job whose worker was killed between fal's accept and fal's answer."""
    fal, prompt = darkroom.emulators.fal, f"killed in the middle of submit {id(gate)}"
    fal.expect(prompt, *polls()(darkroom.emulators), faults=(OnPost(taken=True, hold=gate),))
    job = darkroom.submit(_request(prompt))
    until(lambda: fal.posts(prompt) == 1, "the submit", 60)
    darkroom.kill("worker")
    gate.set()
    until(lambda: darkroom.status(job["id"]) == "review", "the review of a submit cut short", 150)
    assert fal.posts(prompt) == 1
    return darkroom.job(job["id"])


def test_a_submit_cut_short_waits_for_a_person_and_is_never_sent_again(
    darkroom: World, cut_short: dict[str, Any]
) -> None:
    assert cut_short["error"]["code"] == "outcome_unknown"
    assert [one["status"] for one in cut_short["attempts"]] == ["unknown"]
    assert cut_short["cost"] is None
    taken = darkroom.emulators.fal.accepted(cut_short["input"]["prompt"])[0]
    body = {"action": "adopt", "provider_request_id": taken.request_id}
    answer = darkroom.client.post(f"/v1/jobs/{cut_short['id']}/resolve", json=body)
    assert answer.status_code < 300, answer.text
    job = darkroom.ended(cut_short["id"])
    assert job["status"] == "succeeded", job
    assert job["cost"]["nano_usd"] == darkroom.emulators.fal.charge(taken)
    assert darkroom.emulators.fal.posts(cut_short["input"]["prompt"]) == 1


def test_a_download_cut_short_is_fetched_again_and_not_made_again(
    darkroom: World, gate: threading.Event
) -> None:
    around, prompt = darkroom.emulators, "killed in the middle of a download"
    sound = around.cdn.image("PNG")
    path = sound.removeprefix(around.cdn.server.url)
    whole = around.cdn.read(path)
    slow = Reply(200, whole.body, whole.headers, hold=gate)
    url = around.cdn.put(slow, whole)
    around.fal.expect(prompt, Plan((output(around.fal.images(url)),), steps=()))
    job = darkroom.submit(_request(prompt))
    until(lambda: any(one.path in url for one in around.cdn.server.log), "the download", 60)
    darkroom.kill("worker")
    gate.set()
    until(lambda: darkroom.status(job["id"]) == "succeeded", "the second download", 150)
    assert around.fal.posts(prompt) == 1
    assert darkroom.job(job["id"])["assets"][0]["bytes"] == len(whole.body)


def test_a_killed_watcher_and_a_killed_worker_lose_nothing(darkroom: World) -> None:
    fal, prompts = darkroom.emulators.fal, [f"killed while it ran {number}" for number in range(6)]
    for prompt in prompts:
        fal.expect(prompt, *polls(running(), open_ended=True)(darkroom.emulators))
    ids = [darkroom.submit(_request(prompt))["id"] for prompt in prompts]
    until(lambda: all(fal.accepted(prompt) for prompt in prompts), "six submits", 60)
    darkroom.kill("watcher")
    darkroom.kill("worker")
    for prompt in prompts:
        fal.complete(fal.accepted(prompt)[0])
    # Both start again by themselves. What the kill met in the middle of a submit may need a person.
    until(lambda: {darkroom.status(job) for job in ids} <= {"succeeded", "review"}, "six ends", 150)
    jobs = [darkroom.job(job_id) for job_id in ids]
    assert sum(job["status"] == "succeeded" for job in jobs) >= 1
    assert [fal.posts(prompt) for prompt in prompts] == [1] * len(prompts)


def test_a_job_accepted_just_before_everything_is_killed_still_runs(darkroom: World) -> None:
    prompt = "accepted just before the kill"
    job = darkroom.submit(_request(prompt))
    darkroom.kill("watcher")
    until(lambda: darkroom.status(job["id"]) == "succeeded", "the end of the job", 100)
    assert darkroom.emulators.fal.posts(prompt) == 1
