"""fal's webhooks: a signed one brings the end at once, a false one is refused, an early one is a hint."""

import json
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.acceptance.cases import FLUX, polls
from tests.acceptance.production import Production
from tests.emulators.fal_script import Taken, running
from tests.emulators.onpost import OnPost
from tests.emulators.wire import RESET
from tests.support.until import until

pytestmark = pytest.mark.timeout(400)


def _started(own_services: Production, prompt: str, **plan: Any) -> tuple[str, Taken]:  # noqa: ANN401
    world = own_services.world
    world.emulators.fal.expect(prompt, *polls(running(), open_ended=True, **plan)(world.emulators))
    job_id = world.submit({"model": FLUX, "input": {"prompt": prompt}})["id"]
    until(lambda: world.status(job_id) == "running", "the submit", 60)
    return job_id, world.emulators.fal.accepted(prompt)[0]


def test_a_webhook_brings_the_end_at_once(own_services: Production) -> None:
    world = own_services.world
    job_id, taken = _started(own_services, "told by webhook")
    world.emulators.fal.complete(taken)
    assert world.emulators.platform.webhook(taken).is_success
    until(lambda: world.status(job_id) == "succeeded", "the end", 10)
    # At least once is all that fal promises: the same again changes nothing.
    assert world.emulators.platform.webhook(taken).is_success
    assert world.status(job_id) == "succeeded"


def test_a_webhook_before_its_time_is_no_verdict(own_services: Production) -> None:
    world = own_services.world
    job_id, taken = _started(own_services, "told too early")
    assert world.emulators.platform.webhook(taken).is_success
    polls_so_far = world.emulators.fal.polls.get(taken.request_id, 0)
    until(lambda: world.emulators.fal.polls.get(taken.request_id, 0) > polls_so_far + 1, "two more polls", 30)
    assert world.status(job_id) == "running"
    world.emulators.fal.complete(taken)
    # Where webhooks come, looks are for safety alone, a minute apart.
    until(lambda: world.status(job_id) == "succeeded", "the end", 120)


def test_a_webhook_tells_what_became_of_a_lost_submit(own_services: Production) -> None:
    world, prompt = own_services.world, "lost, then told by webhook"
    fal = world.emulators.fal
    fal.expect(prompt, *polls()(world.emulators), faults=(OnPost(taken=True, reply=RESET),))
    job_id = world.submit({"model": FLUX, "input": {"prompt": prompt}})["id"]
    until(lambda: world.status(job_id) == "review", "the review", 60)
    taken = fal.accepted(prompt)[0]
    fal.complete(taken)
    assert world.emulators.platform.webhook(taken).is_success
    until(lambda: world.status(job_id) == "succeeded", "the end of a job that was lost", 60)
    job = world.job(job_id)
    assert job["attempts"][0]["provider_request_id"] == taken.request_id
    assert job["cost"]["nano_usd"] == fal.charge(taken)
    assert fal.posts(prompt) == 1


def test_false_webhooks_are_refused(own_services: Production) -> None:
    world = own_services.world
    job_id, taken = _started(own_services, "told by a liar")
    platform = world.emulators.platform
    assert taken.webhook is not None
    bare = {"request_id": taken.request_id, "status": "OK", "payload": {"images": []}}
    answers = [
        platform.webhook(taken, signer=Ed25519PrivateKey.generate()),
        platform.webhook(taken, late=301),
        platform.webhook(taken, late=-301),
        httpx.post(taken.webhook, json=bare, timeout=60, trust_env=False),
        httpx.post(taken.webhook, content=b"\xff\x00", timeout=60, trust_env=False),
        httpx.post(
            taken.webhook, content=json.dumps(bare), headers=_odd_headers(), timeout=60, trust_env=False
        ),
    ]
    assert [answer for answer in answers if not 400 <= answer.status_code < 500] == []
    assert world.status(job_id) == "running"
    world.emulators.fal.complete(taken)
    until(lambda: world.status(job_id) == "succeeded", "the end", 60)


def test_a_webhook_for_nobody_is_refused(own_services: Production) -> None:
    base = own_services.world.stack.url
    for path in ("/hooks/fal/unknown", "/hooks/nobody/unknown", f"/hooks/fal/{'x' * 5000}", "/hooks/fal/%00"):
        answer = httpx.post(f"{base}{path}", json={"request_id": "x"}, timeout=60, trust_env=False)
        assert 400 <= answer.status_code < 500, (path, answer.text)


def _odd_headers() -> dict[str, str]:
    return {
        "X-Fal-Webhook-Request-Id": "1",
        "X-Fal-Webhook-User-Id": "",
        "X-Fal-Webhook-Timestamp": "9" * 400,
        "X-Fal-Webhook-Signature": "zz",
    }
