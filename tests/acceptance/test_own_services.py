"""The stack on PostgreSQL 15, Redis and S3 of one's own: the same outcomes; what happens without Redis."""

import time
from typing import Any

import pytest

from tests.acceptance.cases import FLUX, polls
from tests.acceptance.linkmodel_cases import SEEDREAM
from tests.acceptance.production import BUCKET, Production
from tests.emulators.fal_script import running
from tests.support.until import until

pytestmark = pytest.mark.timeout(400)

_AT_ONCE_SECONDS = 5.0


def _request(prompt: str, model: str = FLUX) -> dict[str, Any]:
    return {
        "model": model,
        "input": {"prompt": prompt},
        "routing": {"provider": model.partition(":")[0], "fallback": False},
    }


def test_jobs_of_both_providers_succeed_and_lie_in_the_bucket(own_services: Production) -> None:
    world = own_services.world
    ids = [world.submit(_request(f"on own services: {model}", model))["id"] for model in (FLUX, SEEDREAM)]
    jobs = [world.ended(job_id) for job_id in ids]
    assert [job["status"] for job in jobs] == ["succeeded"] * 2, jobs
    client = own_services.s3.session().client("s3", endpoint_url=own_services.s3.endpoint)
    stored = {entry["Size"] for entry in client.list_objects_v2(Bucket=BUCKET)["Contents"]}
    for job in jobs:
        asset = job["assets"][0]
        assert asset["bytes"] in stored
        link = world.client.get(asset["url"])
        assert (link.status_code, link.headers["location"].startswith(own_services.s3.endpoint)) == (
            307,
            True,
        )
        answer = world.client.get(asset["url"], follow_redirects=True)
        assert (len(answer.content), answer.headers["content-type"]) == (
            asset["bytes"],
            asset["content_type"],
        )


def test_without_redis_jobs_are_taken_at_once_and_run_when_it_is_back(own_services: Production) -> None:
    world = own_services.world
    own_services.redis.stop()
    try:
        taken = [_timed_submit(own_services, f"without redis {number}") for number in range(4)]
        assert max(seconds for _, seconds in taken) < _AT_ONCE_SECONDS
        ready = world.client.get("/readyz").json()
        assert not ready["checks"]["redis"]["ok"]
        assert ready["checks"]["redis"]["message"]
    finally:
        own_services.redis.start()
    until(lambda: _all(own_services, [job for job, _ in taken], "succeeded"), "the end of all four", 90)
    assert [world.emulators.fal.posts(f"without redis {number}") for number in range(4)] == [1] * 4


def test_a_redis_that_hangs_holds_no_request_up(own_services: Production) -> None:
    with own_services.redis.hanging():
        job, seconds = _timed_submit(own_services, "with a hanging redis")
        assert seconds < _AT_ONCE_SECONDS
    until(lambda: _all(own_services, [job], "succeeded"), "the end of the job", 90)
    assert own_services.world.emulators.fal.posts("with a hanging redis") == 1


def test_an_emptied_redis_loses_nothing(own_services: Production) -> None:
    ids = [_timed_submit(own_services, f"with redis emptied {number}")[0] for number in range(8)]
    own_services.redis.empty()
    until(lambda: _all(own_services, ids, "succeeded"), "the end of all eight", 100)
    posts = own_services.world.emulators.fal.posts
    assert [posts(f"with redis emptied {number}") for number in range(8)] == [1] * 8


def test_a_poll_that_finds_redis_gone_changes_nothing(own_services: Production) -> None:
    world, prompt = own_services.world, "redis goes while it runs"
    fal = world.emulators.fal
    fal.expect(prompt, *polls(running(), open_ended=True)(world.emulators))
    job, _ = _timed_submit(own_services, prompt)
    until(lambda: any(taken.started for taken in fal.accepted(prompt)), "the start", 60)
    own_services.redis.stop()
    try:
        fal.complete(fal.accepted(prompt)[0])
        until(lambda: world.status(job) == "storing", "the verdict without redis", 60)
    finally:
        own_services.redis.start()
    until(lambda: world.status(job) == "succeeded", "the end of the job", 90)
    assert fal.posts(prompt) == 1


def _timed_submit(production: Production, prompt: str) -> tuple[str, float]:
    started = time.monotonic()
    job = production.world.submit(_request(prompt))
    return str(job["id"]), time.monotonic() - started


def _all(production: Production, ids: list[str], status: str) -> bool:
    return all(production.world.status(job_id) == status for job_id in ids)
