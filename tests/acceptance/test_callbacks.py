"""What customers are told: signed as Standard Webhooks has it, tried again, and never to inner hosts."""

import pytest

from tests.acceptance.cases import FLUX, results
from tests.acceptance.world import World
from tests.emulators.fal_script import model_error
from tests.support.until import until

pytestmark = pytest.mark.timeout(300)


def test_a_callback_is_signed_and_carries_the_job_as_it_is(darkroom: World) -> None:
    receiver = darkroom.emulators.receiver
    body = {"model": FLUX, "input": {"prompt": "tell me"}, "callback_url": f"{receiver.server.url}/hook"}
    job = darkroom.ended(darkroom.submit(body)["id"])
    until(lambda: receiver.of(job["id"]), "the callback", 30)
    event = receiver.of(job["id"])[0]
    assert event["type"] == "job.succeeded"
    assert event["data"]["cost"] == job["cost"]
    assert event["data"]["assets"][0]["sha256"] == job["assets"][0]["sha256"]
    assert receiver.unsigned == []


def test_a_failed_delivery_is_tried_again_with_the_same_id(darkroom: World) -> None:
    receiver = darkroom.emulators.receiver
    darkroom.emulators.fal.expect("tell me twice", *results(model_error("missing"))(darkroom.emulators))
    url = f"{receiver.server.url}/fail-once/hook?customer=a%20b"
    job_id = darkroom.submit({"model": FLUX, "input": {"prompt": "tell me twice"}, "callback_url": url})["id"]
    assert darkroom.ended(job_id)["status"] == "failed"
    until(lambda: receiver.of(job_id), "the second try", 60)
    assert [event["type"] for event in receiver.of(job_id)] == ["job.failed"]
    name = next(name for name, event in receiver.events if event["data"]["id"] == job_id)
    assert receiver.tries[name] == 2
    deliveries = darkroom.client.get("/v1/deliveries", params={"job_id": job_id}).json()["data"]
    until(lambda: _codes(darkroom, job_id) == [500, 200], "both tries in the list", 10)
    assert len(deliveries) == 1


def _codes(darkroom: World, job_id: str) -> list[int | None]:
    page = darkroom.client.get("/v1/deliveries", params={"job_id": job_id}).json()
    return [one["status_code"] for delivery in page["data"] for one in delivery["tries"]]


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/hook",
        "http://[::1]/hook",
        "http://0.0.0.0/hook",
        "http://167772161/hook",
        "http://0xa9fea9fe/hook",
        "http://[::ffff:169.254.169.254]/hook",
        "ftp://example.com/hook",
        "file:///etc/passwd",
        "http://user:password@example.com/hook",
        "not a url",
        "http://",
        "",
    ],
)
def test_a_callback_to_where_it_must_not_go_is_refused_when_given(darkroom: World, url: str) -> None:
    body = {"model": FLUX, "input": {"prompt": "never"}, "callback_url": url}
    answer = darkroom.client.post("/v1/jobs", json=body)
    assert answer.status_code == 422, answer.text
    assert "callback_url" in answer.text
