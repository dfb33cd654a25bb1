"""The fal queue on the wire: life of a request, its URLs, cancel, and errors in every shape."""

import json
from typing import Any

import httpx
import pytest

from sandbox.config import Config
from sandbox.testing import FAL_KEY, SandboxServer

JsonObject = dict[str, Any]
FLUX = "fal-ai/flux/dev"
KLING = "fal-ai/kling-video/v3/standard/text-to-video"


def submit(
    server: SandboxServer, endpoint: str = FLUX, *, headers: dict[str, str] | None = None, **arguments: object
) -> JsonObject:
    path = f"/fal/queue/{endpoint}"
    body = {"prompt": "a kite", **arguments}
    response = server.client.post(path, json=body, headers={**FAL_KEY, **(headers or {})})
    assert response.status_code == 200, response.text
    accepted: JsonObject = response.json()
    return accepted


def get(server: SandboxServer, url: str) -> httpx.Response:
    return server.client.get(url, headers=FAL_KEY)


def finish(server: SandboxServer, accepted: JsonObject, seconds: float = 10) -> httpx.Response:
    server.advance(seconds)
    return get(server, accepted["response_url"])


def test_a_submit_names_the_request_and_urls_below_the_app_only(server: SandboxServer) -> None:
    accepted = submit(server, KLING)
    below = f"{server.fal_queue_url}/fal-ai/kling-video/requests/{accepted['request_id']}"
    assert accepted == {
        "status": "IN_QUEUE",
        "request_id": accepted["request_id"],
        "queue_position": 0,
        "response_url": below,
        "status_url": f"{below}/status",
        "cancel_url": f"{below}/cancel",
        "gateway_request_id": accepted["request_id"],
    }


def test_every_answer_says_that_it_is_the_sandbox(server: SandboxServer) -> None:
    for path in ("/control/health", "/fal/queue/fal-ai/flux", "/nowhere", "/callbacks/x"):
        assert server.client.get(path).headers["X-Darkroom-Sandbox"] == "1"


def test_positions_count_down_then_it_runs_then_it_is_completed(server: SandboxServer) -> None:
    accepted = submit(server, prompt="[sandbox:queue=2]")
    seen = []
    for _ in range(5):
        response = get(server, accepted["status_url"])
        body = response.json()
        seen.append((response.status_code, body["status"], body.get("queue_position")))
        server.advance(0.5)
    assert accepted["queue_position"] == 2
    assert seen == [
        (202, "IN_QUEUE", 2),
        (202, "IN_QUEUE", 1),
        (202, "IN_PROGRESS", None),
        (202, "IN_PROGRESS", None),
        (202, "IN_PROGRESS", None),
    ]
    assert get(server, accepted["status_url"]).status_code == 200


@pytest.mark.parametrize(("logs", "shown"), [("1", True), ("true", True), ("0", False), ("false", False)])
def test_logs_are_null_unless_asked_for(server: SandboxServer, logs: str, *, shown: bool) -> None:
    accepted = submit(server)
    body = get(server, f"{accepted['status_url']}?logs={logs}").json()
    assert "logs" in body
    assert bool(body["logs"]) is shown


def test_the_result_is_the_bare_output_with_units_and_request_id(server: SandboxServer) -> None:
    accepted = submit(server, image_size="square_hd", num_images=2, seed=5)
    result = finish(server, accepted)
    assert result.headers["X-Fal-Billable-Units"] == "2"
    assert result.headers["x-fal-request-id"] == accepted["request_id"]
    body = result.json()
    assert body["seed"] == 5
    assert body["has_nsfw_concepts"] == [False, False]
    assert [(image["width"], image["content_type"]) for image in body["images"]] == [(1024, "image/jpeg")] * 2
    assert result.json() == get(server, accepted["response_url"]).json()


def test_metrics_hold_the_seconds_on_the_runner(server: SandboxServer) -> None:
    accepted = submit(server, KLING, duration="5")
    finish(server, accepted)
    assert get(server, accepted["status_url"]).json()["metrics"] == {"inference_time": 3.0}


@pytest.mark.parametrize("form", ["fal-ai/flux", "fal-ai/flux/dev"])
@pytest.mark.parametrize("tail", ["", "/", "/response", "/response/"])
def test_results_are_served_in_every_path_form_without_a_redirect(
    server: SandboxServer, form: str, tail: str
) -> None:
    accepted = submit(server)
    server.advance(10)
    response = get(server, f"/fal/queue/{form}/requests/{accepted['request_id']}{tail}")
    assert response.status_code == 200


@pytest.mark.parametrize("namespace", ["workflows", "comfy"])
def test_namespaced_apps_keep_their_namespace_in_the_urls(server: SandboxServer, namespace: str) -> None:
    accepted = submit(server, f"{namespace}/acme/poster/v2")
    assert f"/{namespace}/acme/poster/requests/" in accepted["status_url"]
    assert get(server, accepted["status_url"] + "/").status_code == 202


def test_a_result_before_the_end_is_400(server: SandboxServer) -> None:
    response = get(server, submit(server)["response_url"])
    assert response.status_code == 400
    assert response.json()["detail"] == "Request is still in progress"


def test_unknown_requests_are_not_found(server: SandboxServer) -> None:
    response = get(server, "/fal/queue/fal-ai/flux/requests/nothing/status")
    assert (response.status_code, response.json()) == (404, {"status": "NOT_FOUND"})


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/fal/queue/fal-ai/flux/dev", 405),
        ("POST", "/fal/queue/fal-ai/flux/requests/x/status", 405),
        ("GET", "/fal/queue/alone", 404),
        ("GET", "/fal/queue/fal-ai/flux/requests/x/elsewhere", 404),
        ("GET", "/fal/queue/fal-ai/flux/requests", 404),
    ],
)
def test_calls_that_lead_nowhere_are_refused(
    server: SandboxServer, method: str, path: str, status: int
) -> None:
    assert server.client.request(method, path, headers=FAL_KEY).status_code == status


@pytest.mark.parametrize("key", ["Key real-key:secret", "Bearer sandbox-x", ""])
def test_keys_that_are_not_made_for_the_sandbox_are_refused(server: SandboxServer, key: str) -> None:
    response = server.client.post(f"/fal/queue/{FLUX}", json={"prompt": "x"}, headers={"Authorization": key})
    assert response.status_code == 401
    assert "sandbox" in response.json()["detail"]
    assert server.submits() == []


@pytest.mark.parametrize("body", [b"not json", b"[1]", b'{"a": NaN}', b"[" * 100_000])
def test_a_body_that_is_no_object_is_a_bad_request(server: SandboxServer, body: bytes) -> None:
    response = server.client.post(f"/fal/queue/{FLUX}", content=body, headers=FAL_KEY)
    assert response.status_code == 400
    assert response.json()["error_type"] == response.headers["X-Fal-Error-Type"] == "bad_request"


def test_input_is_only_judged_when_it_runs(server: SandboxServer) -> None:
    response = server.client.post(f"/fal/queue/{FLUX}", json={}, headers=FAL_KEY)
    result = finish(server, response.json())
    assert result.status_code == 422
    assert result.json()["detail"][0]["type"] == "missing"
    assert result.headers["X-Fal-Billable-Units"] == "0"


@pytest.mark.parametrize(
    ("endpoint", "arguments", "kind"),
    [
        (KLING, {"prompt": "x" * 2501}, "sequence_too_long"),
        (KLING, {"duration": 5}, "one_of"),
        (FLUX, {"num_images": 5}, "less_than_equal"),
    ],
)
def test_broken_limits_come_back_as_a_list_of_model_errors(
    server: SandboxServer, endpoint: str, arguments: dict[str, Any], kind: str
) -> None:
    result = finish(server, submit(server, endpoint, **arguments))
    assert (result.status_code, result.json()["detail"][0]["type"]) == (422, kind)


def test_kling_takes_several_prompts_in_place_of_one(server: SandboxServer) -> None:
    body = {"multi_prompt": [{"prompt": "a", "duration": "3"}]}
    accepted = server.client.post(f"/fal/queue/{KLING}", json=body, headers=FAL_KEY).json()
    assert finish(server, accepted).status_code == 200


@pytest.mark.parametrize("given", ["soon", "0.1", "nan", "-3"])
def test_a_malformed_start_timeout_is_refused(server: SandboxServer, given: str) -> None:
    headers = {**FAL_KEY, "X-Fal-Request-Timeout": given}
    response = server.client.post(f"/fal/queue/{FLUX}", json={"prompt": "x"}, headers=headers)
    assert response.status_code == 400
    assert "X-Fal-Request-Timeout" in response.json()["detail"]


def test_a_request_that_does_not_start_in_time_ends_with_504(server: SandboxServer) -> None:
    accepted = submit(server, prompt="[sandbox:cold=30]", headers={"X-Fal-Request-Timeout": "5.0"})
    server.advance(4.9)
    assert get(server, accepted["status_url"]).json()["status"] == "IN_QUEUE"
    server.advance(0.2)
    status = get(server, accepted["status_url"]).json()
    assert (status["status"], status["error_type"], status["metrics"]) == ("COMPLETED", "request_timeout", {})
    result = get(server, accepted["response_url"])
    assert result.status_code == 504
    assert result.headers["X-Fal-Request-Timeout-Type"] == "user"
    assert server.invoice()[accepted["request_id"]]["nano_usd"] == 0


def test_a_started_request_does_not_time_out(server: SandboxServer) -> None:
    accepted = submit(server, prompt="[sandbox:slow=20]", headers={"X-Fal-Request-Timeout": "5.0"})
    assert finish(server, accepted, 25).status_code == 200


def test_only_the_first_request_to_a_cold_app_waits_for_its_runner(server: SandboxServer) -> None:
    first = submit(server, prompt="[sandbox:cold=8]")
    server.advance(3)
    second = submit(server, prompt="[sandbox:cold=8]")
    server.advance(4.9)
    assert [get(server, a["status_url"]).json()["status"] for a in (first, second)] == ["IN_QUEUE"] * 2
    server.advance(0.2)
    assert [get(server, a["status_url"]).json()["status"] for a in (first, second)] == ["IN_PROGRESS"] * 2
    server.advance(10)
    warm = submit(server, prompt="[sandbox:cold=8]")
    assert get(server, warm["status_url"]).json()["status"] == "IN_PROGRESS"
    server.advance(600)
    assert get(server, submit(server, prompt="[sandbox:cold]")["status_url"]).json()["status"] == "IN_QUEUE"


def test_a_queue_that_is_too_long_is_429(server: SandboxServer) -> None:
    submit(server, prompt="[sandbox:stuck]")
    path = f"/fal/queue/{FLUX}?fal_max_queue_length=0"
    assert server.client.post(path, json={"prompt": "x"}, headers=FAL_KEY).status_code == 429
    longer = f"/fal/queue/{FLUX}?fal_max_queue_length=1"
    assert server.client.post(longer, json={"prompt": "x"}, headers=FAL_KEY).status_code == 200


def cancel(server: SandboxServer, accepted: JsonObject) -> tuple[int, str]:
    response = server.client.put(accepted["cancel_url"], headers=FAL_KEY)
    return response.status_code, response.json()["status"]


def test_cancelling_while_queued_removes_it_for_nothing(server: SandboxServer) -> None:
    accepted = submit(server, prompt="[sandbox:queue=5]")
    assert cancel(server, accepted) == (200, "OK")
    result = get(server, accepted["response_url"])
    assert (result.status_code, result.json()["error_type"]) == (499, "client_cancelled")
    assert get(server, accepted["status_url"]).json()["error_type"] == "client_cancelled"
    assert server.invoice()[accepted["request_id"]]["nano_usd"] == 0


def test_cancelling_while_running_is_a_request_that_is_honoured(server: SandboxServer) -> None:
    accepted = submit(server)
    assert cancel(server, accepted) == (202, "CANCELLATION_REQUESTED")
    assert get(server, accepted["response_url"]).status_code == 499
    assert cancel(server, accepted) == (400, "ALREADY_COMPLETED")


def test_an_app_may_run_on_after_a_cancel_and_be_billed(server: SandboxServer) -> None:
    accepted = submit(server, prompt="[sandbox:cancel_ignored]")
    assert cancel(server, accepted)[0] == 202
    assert finish(server, accepted).status_code == 200
    assert server.invoice()[accepted["request_id"]]["charged"] is True


def test_a_cancelled_run_can_cost_what_its_header_says(server: SandboxServer) -> None:
    accepted = submit(server, image_size="square_hd", prompt="[sandbox:cancel_charged]")
    cancel(server, accepted)
    assert get(server, accepted["response_url"]).headers["X-Fal-Billable-Units"] == "1"
    assert server.invoice()[accepted["request_id"]]["nano_usd"] == 25_000_000


def test_cancelling_an_unknown_request_is_not_found(server: SandboxServer) -> None:
    response = server.client.put("/fal/queue/fal-ai/flux/requests/x/cancel", headers=FAL_KEY)
    assert (response.status_code, response.json()) == (404, {"status": "NOT_FOUND"})


def test_the_status_stream_ends_with_completed(server: SandboxServer) -> None:
    accepted = submit(server)
    server.advance(10)
    response = get(server, f"{accepted['status_url']}/stream?logs=1")
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text.count("data: ") == 1
    assert '"status":"COMPLETED"' in response.text


def test_the_status_stream_tells_each_change_once() -> None:
    with SandboxServer(Config(queue_step_seconds=0.3, image_seconds=0.6)) as real:
        accepted = submit(real, prompt="[sandbox:queue=1]")
        lines = get(real, f"{accepted['status_url']}/stream").text.split("\n\n")
    told = [json.loads(line.removeprefix("data: "))["status"] for line in lines if line]
    assert told == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]


def test_results_whose_payloads_are_not_stored_expire(server: SandboxServer) -> None:
    accepted = submit(server, headers={"X-Fal-Store-IO": "0"})
    assert finish(server, accepted).status_code == 200
    assert finish(server, accepted, 3601).status_code == 404


def test_submits_are_recorded_without_the_key(server: SandboxServer) -> None:
    accepted = submit(server, guidance_scale=3.5, headers={"X-Fal-Queue-Priority": "low"})
    (recorded,) = server.submits()
    assert recorded["request_id"] == accepted["request_id"]
    assert recorded["arguments"] == {"prompt": "a kite", "guidance_scale": 3.5}
    assert recorded["headers"]["x-fal-queue-priority"] == "low"
    assert "authorization" not in recorded["headers"]
    assert "sandbox-test" not in server.client.get("/control/submits").text
