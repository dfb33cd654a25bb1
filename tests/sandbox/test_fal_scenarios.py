"""The scenarios of the fal emulator: what each one does to a request, and to the invoice."""

from typing import Any

import httpx
import pytest

from sandbox.testing import FAL_KEY, SandboxServer

JsonObject = dict[str, Any]
FLUX = "fal-ai/flux/dev"


def post(server: SandboxServer, prompt: str = "a kite", **arguments: object) -> httpx.Response:
    body = {"prompt": prompt, "image_size": "square_hd", **arguments}
    return server.client.post(f"/fal/queue/{FLUX}", json=body, headers=FAL_KEY)


def get(server: SandboxServer, url: str) -> httpx.Response:
    return server.client.get(url, headers=FAL_KEY)


def ended(
    server: SandboxServer, prompt: str, **arguments: object
) -> tuple[JsonObject, JsonObject, httpx.Response]:
    accepted = post(server, prompt, **arguments).json()
    server.advance(30)
    return accepted, get(server, accepted["status_url"]).json(), get(server, accepted["response_url"])


def nano(server: SandboxServer, accepted: JsonObject) -> int:
    return int(server.invoice()[accepted["request_id"]]["nano_usd"])


@pytest.mark.parametrize(
    ("scenario", "status", "kind"),
    [
        ("moderation", 422, "content_policy_violation"),
        ("unvalidated_422", 422, "missing"),
        ("fail", 500, "internal_server_error"),
    ],
)
def test_model_errors_are_completed_and_replayed_by_the_result(
    server: SandboxServer, scenario: str, status: int, kind: str
) -> None:
    accepted, said, result = ended(server, f"[sandbox:{scenario}]")
    assert said["status"] == "COMPLETED"
    assert "error" not in said
    assert (result.status_code, result.json()["detail"][0]["type"]) == (status, kind)
    assert result.headers["X-Fal-Retryable"] == ("true" if status == 500 else "false")
    assert nano(server, accepted) == 0


def test_a_moderated_request_may_be_charged(server: SandboxServer) -> None:
    accepted, _, result = ended(server, "[sandbox:moderation=charged]")
    assert result.headers["X-Fal-Billable-Units"] == "1"
    assert nano(server, accepted) == 25_000_000


@pytest.mark.parametrize(("scenario", "status"), [("completed_error", 500), ("completed_error=422", 422)])
def test_an_error_can_show_on_the_status_already(server: SandboxServer, scenario: str, status: int) -> None:
    _, said, result = ended(server, f"[sandbox:{scenario}]")
    assert said["status"] == "COMPLETED"
    assert said["error_type"] == result.json()["error_type"] == result.headers["X-Fal-Error-Type"]
    assert result.status_code == status


def test_a_lost_try_goes_back_to_the_queue_with_a_new_gateway_id(server: SandboxServer) -> None:
    accepted = post(server, "[sandbox:regression]").json()
    seen = []
    for _ in range(4):
        body = get(server, accepted["status_url"]).json()
        seen.append((body["status"], body["gateway_request_id"] == accepted["request_id"]))
        server.advance(0.6)
    assert seen == [
        ("IN_PROGRESS", True),
        ("IN_QUEUE", False),
        ("IN_PROGRESS", False),
        ("IN_PROGRESS", False),
    ]
    server.advance(5)
    assert get(server, accepted["status_url"]).json()["metrics"]["inference_time"] == 1.2


def test_optional_keys_can_be_missing(server: SandboxServer) -> None:
    accepted = post(server, "[sandbox:no_logs][sandbox:queue=1]").json()
    assert "queue_position" not in get(server, accepted["status_url"]).json()
    server.advance(30)
    assert "logs" not in get(server, accepted["status_url"]).json()


@pytest.mark.parametrize(("scenario", "state"), [("stuck", "IN_QUEUE"), ("stuck=running", "IN_PROGRESS")])
def test_a_stuck_request_never_ends(server: SandboxServer, scenario: str, state: str) -> None:
    accepted = post(server, f"[sandbox:{scenario}]").json()
    server.advance(86_400)
    assert get(server, accepted["status_url"]).json()["status"] == state
    line = server.invoice()[accepted["request_id"]]
    assert (line["nano_usd"], line["final"]) == (0, False)


def test_a_start_timeout_can_be_had_without_the_header(server: SandboxServer) -> None:
    accepted = post(server, "[sandbox:start_timeout=2]").json()
    server.advance(2)
    assert get(server, accepted["response_url"]).headers["X-Fal-Request-Timeout-Type"] == "user"


@pytest.mark.parametrize(("scenario", "flags"), [("nsfw", [True, True]), ("nsfw_some", [True, False])])
def test_filtered_images_are_flagged_and_charged(
    server: SandboxServer, scenario: str, flags: list[bool]
) -> None:
    accepted, _, result = ended(server, f"[sandbox:{scenario}]", num_images=2)
    assert result.json()["has_nsfw_concepts"] == flags
    assert server.invoice()[accepted["request_id"]]["made"] is not all(flags)
    assert nano(server, accepted) == 50_000_000


def test_units_can_be_missing_although_they_are_charged(server: SandboxServer) -> None:
    accepted, _, result = ended(server, "[sandbox:no_units]")
    assert "X-Fal-Billable-Units" not in result.headers
    assert nano(server, accepted) == 25_000_000


@pytest.mark.parametrize(
    ("scenario", "status", "has_request_id"),
    [
        ("nginx_502", 502, False),
        ("platform_503", 503, True),
        ("locked", 403, True),
        ("not_found", 404, True),
        ("http_500", 500, True),
        ("http_502", 502, True),
        ("http_503", 503, True),
        ("rate_limited=7", 429, True),
    ],
)
def test_refused_submits_are_neither_accepted_nor_charged(
    server: SandboxServer, scenario: str, status: int, *, has_request_id: bool
) -> None:
    response = post(server, f"[sandbox:{scenario}]")
    assert response.status_code == status
    assert ("x-fal-request-id" in response.headers) is has_request_id
    assert ("nginx" in response.text) is (scenario == "nginx_502")
    assert response.headers.get("Retry-After") == ("7" if status == 429 else None)
    assert server.submits() == []
    assert server.invoice() == {}


def test_a_dropped_connection_may_hide_an_accepted_request(server: SandboxServer) -> None:
    for scenario in ("drop_before_accept", "drop_after_accept"):
        with pytest.raises(httpx.RemoteProtocolError):
            post(server, f"[sandbox:{scenario}]")
    (recorded,) = server.submits()
    server.advance(30)
    assert recorded["scenarios"] == ["drop_after_accept"]
    assert server.invoice()[recorded["request_id"]]["charged"] is True


@pytest.mark.parametrize(
    ("scenario", "accepted"),
    [("html_200", 1), ("html_200=rejected", 0), ("truncated_json", 1)],
)
def test_an_answer_that_cannot_be_read_may_hide_an_accepted_request(
    server: SandboxServer, scenario: str, accepted: int
) -> None:
    response = post(server, f"[sandbox:{scenario}]")
    assert response.status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|delimiter"):
        response.json()
    assert len(server.submits()) == accepted


def test_a_server_error_may_hide_an_accepted_request(server: SandboxServer) -> None:
    assert post(server, "[sandbox:http_503=accepted]").status_code == 503
    assert len(server.submits()) == 1


def test_a_result_can_come_too_early_once(server: SandboxServer) -> None:
    accepted, said, first = ended(server, "[sandbox:result_early_400]")
    assert (said["status"], first.status_code) == ("COMPLETED", 400)
    assert get(server, accepted["response_url"]).status_code == 200


def test_a_result_can_be_gone(server: SandboxServer) -> None:
    assert ended(server, "[sandbox:result_expired]")[2].status_code == 404


def test_urls_can_point_to_another_host(server: SandboxServer) -> None:
    accepted = post(server, "[sandbox:foreign_urls]").json()
    assert accepted["status_url"].startswith("https://queue.foreign.invalid/fal-ai/flux/requests/")


def test_urls_can_hold_the_full_path(server: SandboxServer) -> None:
    accepted = post(server, "[sandbox:full_path_urls]").json()
    assert accepted["response_url"].endswith(f"/fal-ai/flux/dev/requests/{accepted['request_id']}/response")
    server.advance(30)
    assert get(server, accepted["response_url"]).status_code == 200


def test_marked_calls_fail_as_often_as_the_marker_says(server: SandboxServer) -> None:
    accepted = post(server, "[sandbox:http_500@status=2][sandbox:html_200@result]").json()
    server.advance(30)
    statuses = [get(server, accepted["status_url"]).status_code for _ in range(3)]
    assert statuses == [500, 500, 200]
    assert "text/html" in get(server, accepted["response_url"]).headers["content-type"]
    assert get(server, accepted["response_url"]).json()["images"]


def test_a_follow_up_call_can_be_dropped(server: SandboxServer) -> None:
    accepted = post(server, "[sandbox:drop_after_accept@status]").json()
    with pytest.raises(httpx.RemoteProtocolError):
        get(server, accepted["status_url"])
    assert get(server, accepted["status_url"]).status_code == 202


def test_a_marker_with_a_number_strikes_only_that_submit_of_its_prompt(server: SandboxServer) -> None:
    prompt = "a kite [sandbox:2:http_500] [sandbox:3:rate_limited=7]"
    answers = [post(server, prompt) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 500, 429, 200]
    assert post(server, f"{prompt}!").status_code == 200


def test_the_invoice_says_whether_there_is_something_to_fetch(server: SandboxServer) -> None:
    prompts = ("a kite", "[sandbox:moderation=charged]", "[sandbox:nsfw]", "[sandbox:nsfw_some]")
    asked = [post(server, prompt).json()["request_id"] for prompt in prompts]
    assert not server.invoice()[asked[0]]["made"]
    server.advance(30)
    lines = server.invoice()
    assert [lines[request_id]["made"] for request_id in asked] == [True, False, False, False]
