"""Submits whose answers are lost: found at fal at once, or proven never made; LinkModel's await a person."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.cases import FLUX, polls, queries
from tests.acceptance.linkmodel_cases import SEEDREAM
from tests.acceptance.world import World, world
from tests.emulators.fal import KEY
from tests.emulators.fal_script import running
from tests.emulators.onpost import OnPost
from tests.emulators.wire import RESET
from tests.support.until import until

pytestmark = pytest.mark.timeout(400)

TAKEN, NOT_TAKEN = OnPost(taken=True, reply=RESET), OnPost(taken=False)
# Long enough for the request to show, short enough for a test.
_SETTLE = "[limits.fal]\nsettle_seconds = 5\n"


@pytest.fixture(scope="module")
def searching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Darkroom with an operator who trusts fal's list after five seconds."""
    folder = tmp_path_factory.mktemp("searching")
    catalogue: Path = folder / "catalogue.toml"
    catalogue.write_text(_SETTLE, encoding="utf-8")
    with world(folder / "data", catalogue=str(catalogue)) as made:
        yield made


def at_fal(around: World, prompt: str, **more: Any) -> str:  # noqa: ANN401 - JSON
    body = {"model": FLUX, "input": {"prompt": prompt}, "routing": {"provider": "fal", "fallback": False}}
    return str(around.submit({**body, **more})["id"])


def test_a_request_that_fal_lists_is_taken_up_within_seconds(searching: World) -> None:
    fal, prompt = searching.emulators.fal, "lost, and on the list"
    fal.expect(prompt, *polls(running(), listed=True)(searching.emulators), faults=(TAKEN,))
    job_id = at_fal(searching, prompt)
    until(lambda: searching.status(job_id) in {"running", "storing", "succeeded"}, "its being found", 20)
    until(lambda: searching.status(job_id) == "succeeded", "its end", 60)
    job = searching.job(job_id)
    [taken] = fal.accepted(prompt)
    assert [one["provider_request_id"] for one in job["attempts"]] == [taken.request_id]
    assert job["cost"]["nano_usd"] == fal.charge(taken)
    assert fal.posts(prompt) == 1


def test_a_request_that_was_never_made_is_sent_again(searching: World) -> None:
    fal, prompt = searching.emulators.fal, "lost before it was taken"
    fal.expect(prompt, *polls(listed=True)(searching.emulators), faults=(NOT_TAKEN,))
    job_id = at_fal(searching, prompt)
    until(lambda: searching.status(job_id) == "succeeded", "its end", 90)
    job = searching.job(job_id)
    assert [one["status"] for one in job["attempts"]] == ["failed", "succeeded"]
    assert job["attempts"][0]["cost"]["basis"] == "not_billed"
    assert (fal.posts(prompt), len(fal.accepted(prompt))) == (2, 1)
    steps = [one["type"] for one in searching.client.get(f"/v1/jobs/{job_id}/events").json()["data"]]
    assert "never_made" in steps


def test_somebody_elses_request_with_the_same_prompt_is_not_taken_up(searching: World) -> None:
    fal, prompt = searching.emulators.fal, "the prompt of two systems"
    fal.expect(prompt, *polls(running(), open_ended=True, listed=True)(searching.emulators))
    theirs = {"Authorization": f"Key {KEY}"}
    url = f"{fal.server.url}/{FLUX.removeprefix('fal:')}"
    assert httpx.post(url, json={"prompt": prompt}, headers=theirs, timeout=60, trust_env=False).is_success
    fal.expect(prompt, *polls()(searching.emulators), faults=(NOT_TAKEN,))
    job_id = at_fal(searching, prompt)
    until(lambda: searching.status(job_id) == "review", "the review", 90)
    [attempt] = searching.job(job_id)["attempts"]
    assert (attempt["status"], attempt["provider_request_id"]) == ("unknown", None)


def lost_at_linkmodel(around: World, prompt: str) -> str:
    linkmodel = around.emulators.linkmodel
    linkmodel.expect(prompt, *queries()(around.emulators), faults=(TAKEN,))
    request = {"model": SEEDREAM, "input": {"prompt": prompt}, "routing": {"provider": "linkmodel"}}
    job_id = str(around.submit(request)["id"])
    until(lambda: around.status(job_id) == "review", "the review", 60)
    return job_id


def resolve(around: World, job_id: str, **decision: str) -> dict[str, Any]:
    answer = around.client.post(f"/v1/jobs/{job_id}/resolve", json=decision)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_lost_task_is_taken_up_by_a_person(searching: World) -> None:
    prompt = "lost at LinkModel, found by a person"
    job_id = lost_at_linkmodel(searching, prompt)
    [task_id] = searching.emulators.linkmodel.charges(prompt)
    wrong = {"action": "adopt", "provider_request_id": f"{task_id}-wrong"}
    refused = searching.client.post(f"/v1/jobs/{job_id}/resolve", json=wrong)
    assert (refused.status_code, f"{task_id}-wrong" in refused.text) == (422, True), refused.text
    resolve(searching, job_id, action="adopt", provider_request_id=task_id)
    until(lambda: searching.status(job_id) == "succeeded", "its end", 60)
    assert searching.emulators.linkmodel.posts(prompt) == 1


def test_a_lost_task_is_sent_again_by_a_person_and_its_cost_stays_open(searching: World) -> None:
    prompt = "lost at LinkModel, sent again by a person"
    job_id = lost_at_linkmodel(searching, prompt)
    choices = searching.client.get(f"/v1/jobs/{job_id}/resolve").json()["choices"]
    assert all(choice["words"] for choice in choices)
    resolve(searching, job_id, action="resubmit")
    until(lambda: searching.status(job_id) == "succeeded", "its end", 60)
    job = searching.job(job_id)
    assert (job["cost"], searching.emulators.linkmodel.posts(prompt)) == (None, 2)


def test_a_lost_task_is_given_up_by_a_person(searching: World) -> None:
    job_id = lost_at_linkmodel(searching, "lost at LinkModel, given up by a person")
    job = resolve(searching, job_id, action="fail", cost_usd="0")
    assert (job["status"], job["cost"]["nano_usd"]) == ("failed", 0)
    again = searching.client.post(f"/v1/jobs/{job_id}/resolve", json={"action": "resubmit"})
    assert again.status_code == 409


def test_a_list_that_may_not_be_read_leaves_it_to_a_person(searching: World) -> None:
    fal, platform, prompt = searching.emulators.fal, searching.emulators.platform, "lost, and no list to see"
    fal.expect(prompt, *polls(listed=True)(searching.emulators), faults=(TAKEN,))
    with platform.forbidding_lists():
        job_id = at_fal(searching, prompt)
        until(lambda: searching.status(job_id) == "review", "the review", 60)
    assert "FAL_ADMIN_KEY" in searching.job(job_id)["error"]["message"]
    assert fal.posts(prompt) == 1
