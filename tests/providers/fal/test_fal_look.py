"""Looks: statuses, results, and the line between a verdict and a call that failed."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from domain.costs import NOT_BILLED, UNKNOWN_COST, Basis, Cost
from domain.failures import ErrorCode
from domain.lifecycle import Kind
from providers.base import Ended, Finished, Generating, Handle, LookFailed, Observation, Queued
from providers.fal import FalProvider

Look = Callable[[FalProvider, Handle], Observation]

OWN = "/fal/queue/fal-ai/kling-video/requests/req-1"
VIDEO = {"video": {"url": "https://v3.fal.media/files/x/out.mp4", "content_type": "video/mp4"}}
DONE = {"status": "COMPLETED", "logs": None, "metrics": {"inference_time": 3.42}}
ID = {"x-fal-request-id": "req-1"}


def reply(
    httpserver: HTTPServer, path: str, status: int, body: object, headers: Mapping[str, str] | None = None
) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    httpserver.expect_ordered_request(path, method="GET").respond_with_data(text, status, headers or {})


@pytest.fixture
def see(provider: FalProvider, httpserver: HTTPServer, handle: Handle, look: Look) -> Callable[..., Any]:
    """One look at a request whose status and result answer as given."""

    def once(
        status: object,
        result: tuple[int, object, dict[str, str]] | None = None,
        *,
        code: int = 200,
        headers: dict[str, str] | None = None,
        at: Handle = handle,
    ) -> Observation:
        reply(httpserver, f"{OWN}/status", code, status, headers)
        if result is not None:
            reply(httpserver, OWN, *result)
        seen = look(provider, at)
        httpserver.check()
        return seen

    return once


See = Callable[..., Any]


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ({"status": "IN_QUEUE", "queue_position": 4}, Queued(4)),
        ({"status": "IN_QUEUE", "queue_position": 0, "brand_new": [1]}, Queued(0)),
        ({"status": "IN_QUEUE"}, Queued(None)),
        ({"status": "IN_QUEUE", "queue_position": None}, Queued(None)),
        ({"status": "IN_QUEUE", "queue_position": True}, Queued(None)),
        ({"status": "IN_QUEUE", "queue_position": -1}, Queued(None)),
        ({"status": "IN_PROGRESS"}, Generating()),
        ({"status": "IN_PROGRESS", "logs": [{"message": "x"}]}, Generating()),
    ],
)
@pytest.mark.parametrize("code", [200, 202])
def test_an_open_request_is_seen_by_its_body(body: object, seen: Observation, code: int, see: See) -> None:
    assert see(body, code=code) == seen


def test_the_key_goes_to_the_queue_and_a_request_may_fall_back_into_it(
    provider: FalProvider, httpserver: HTTPServer, handle: Handle, look: Look
) -> None:
    reply(httpserver, f"{OWN}/status", 202, {"status": "IN_PROGRESS"})
    reply(httpserver, f"{OWN}/status", 202, {"status": "IN_QUEUE", "queue_position": 7})
    assert look(provider, handle) == Generating()
    assert look(provider, handle) == Queued(7)
    assert {request.headers["Authorization"] for request, _ in httpserver.log} == {"Key key-id:key-secret"}


def test_a_complete_request_brings_its_result_in_the_same_look(see: See) -> None:
    seen = see(DONE, (200, VIDEO, {"X-Fal-Billable-Units": "5"}))
    assert isinstance(seen, Finished)
    assert [output.url for output in seen.outputs] == ["https://v3.fal.media/files/x/out.mp4"]
    assert seen.cost == Cost(420_000_000, Basis.BILLABLE_UNITS, final=True, units=Decimal(5))
    assert seen.inference_seconds == Decimal("3.42")
    assert seen.filtered == 0


@pytest.mark.parametrize("metrics", [None, {}, {"inference_time": None}, {"inference_time": "3"}, [1]])
def test_missing_metrics_do_no_harm(metrics: object, see: See) -> None:
    seen = see({"status": "COMPLETED", "metrics": metrics}, (200, VIDEO, {}))
    assert seen == Finished(seen.outputs, UNKNOWN_COST)


def test_addresses_of_this_queue_are_followed_and_foreign_ones_are_not(
    provider: FalProvider, httpserver: HTTPServer, handle: Handle, look: Look, queue_url: str
) -> None:
    reply(httpserver, "/fal/queue/fal-ai/kling-video/v3/requests/req-1/status", 200, DONE)
    reply(httpserver, OWN, 200, VIDEO)
    told = replace(
        handle,
        status_url=f"{queue_url}/fal-ai/kling-video/v3/requests/req-1/status",
        response_url="https://queue.fal.run.evil.example/fal/queue/requests/req-1",
    )
    assert isinstance(look(provider, told), Finished)
    httpserver.check()


@pytest.mark.parametrize(
    ("code", "body", "headers", "reason", "missing", "wait"),
    [
        (404, {"status": "NOT_FOUND"}, {}, "404", True, None),
        (404, {"detail": "Request not found"}, {}, "not found", True, None),
        (404, {"detail": "no such thing"}, {}, "404", False, None),
        (404, "<html>nginx</html>", {}, "404", False, None),
        (401, {"detail": "invalid key credentials"}, {}, "FAL_KEY.*invalid key", False, None),
        (403, "", {}, "FAL_KEY", False, None),
        (429, "", {"Retry-After": "9"}, "429", False, 9),
        (503, "<html>nginx</html>", {"Retry-After": "2"}, "503", False, 2),
        (302, "", {"Location": "https://evil.example/"}, "302", False, None),
        (200, "<html>", {}, "could not be read", False, None),
        (200, '{"status": "IN_QU', {}, "could not be read", False, None),
        (200, [], {}, "could not be read", False, None),
        (200, {}, {}, "not known: None", False, None),
        (200, {"status": "FAILED"}, {}, "not known: 'FAILED'", False, None),
        (200, {"status": {"a": 1}}, {}, "not known", False, None),
    ],
)
def test_a_status_that_cannot_be_had_is_no_verdict(
    code: int,
    body: object,
    headers: dict[str, str],
    reason: str,
    missing: bool,  # noqa: FBT001 - a column of the table
    wait: float | None,
    see: See,
) -> None:
    with pytest.raises(LookFailed, match=reason) as failed:
        see(body, code=code, headers=headers)
    assert failed.value.missing is missing
    assert failed.value.retry_after == wait


def test_no_answer_and_no_endpoint_are_no_verdicts(
    raw_server: Callable[..., Any], make_provider: Callable[..., FalProvider], handle: Handle, look: Look
) -> None:
    with pytest.raises(LookFailed, match="no answer"):
        look(make_provider(raw_server().url), handle)
    with pytest.raises(LookFailed, match="not a fal endpoint"):
        look(make_provider(raw_server().url), replace(handle, endpoint="nowhere"))


def detail(kind: str, message: str = "it said no") -> dict[str, Any]:
    return {"detail": [{"loc": ["body", "prompt"], "msg": message, "type": kind, "input": "SECRET"}]}


def flat(kind: str, text: str = "it said no") -> dict[str, Any]:
    return {"detail": text, "error_type": kind}


E = ErrorCode
FAILED = {"status": "COMPLETED", "error": "Invalid status code: 500", "error_type": "internal_error"}


@pytest.mark.parametrize(
    ("code", "body", "headers", "error", "retryable", "provider_code"),
    [
        (422, detail("content_policy_violation"), {}, E.CONTENT_POLICY, False, "content_policy_violation"),
        (422, {"detail": "NSFW content found"}, {}, E.CONTENT_POLICY, False, "422"),
        (422, {"detail": "bad"}, {}, E.INVALID_INPUT, False, "422"),
        (422, detail("image_load_error"), {}, E.INVALID_INPUT, False, "image_load_error"),
        (422, detail("value_error.missing"), ID, E.INVALID_INPUT, False, "value_error.missing"),
        (422, detail("no_media_generated"), {}, E.PROVIDER_FAILED, False, "no_media_generated"),
        (422, detail("x"), {"X-Fal-Retryable": "true"}, E.INVALID_INPUT, False, "x"),
        (400, flat("bad_request"), {}, E.INVALID_INPUT, False, "bad_request"),
        (400, detail("downstream_service_error"), {}, E.PROVIDER_FAILED, True, "downstream_service_error"),
        (500, detail("downstream_service_error"), {}, E.PROVIDER_FAILED, True, "downstream_service_error"),
        (
            500,
            detail("downstream_service_unavailable"),
            {"X-Fal-needs-retry": "0"},
            E.PROVIDER_FAILED,
            False,
            "downstream_service_unavailable",
        ),
        (504, detail("generation_timeout"), {}, E.PROVIDER_FAILED, True, "generation_timeout"),
        (500, {"detail": "Internal Server Error"}, ID, E.PROVIDER_FAILED, True, "500"),
        (503, flat("runner_disconnected"), {}, E.PROVIDER_FAILED, True, "runner_disconnected"),
        (502, "", {"X-Fal-Error-Type": "runner_incomplete_response"}, E.PROVIDER_FAILED, True, None),
        (504, flat("request_timeout"), {}, E.PROVIDER_FAILED, True, "request_timeout"),
        (504, flat("startup_timeout"), {}, E.PROVIDER_FAILED, True, "startup_timeout"),
        (404, {"detail": "Path /x not found"}, {}, E.PROVIDER_REJECTED, False, "404"),
        (409, {"detail": "conflict"}, {}, E.PROVIDER_REJECTED, False, "409"),
    ],
)
def test_a_result_that_is_an_error_ends_the_generation(
    code: int,
    body: object,
    headers: dict[str, str],
    error: ErrorCode,
    retryable: bool,  # noqa: FBT001 - a column of the table
    provider_code: str | None,
    see: See,
    handle: Handle,
) -> None:
    seen = see(DONE, (code, body, headers), at=replace(handle, failed_looks=2))
    assert isinstance(seen, Ended)
    assert (seen.failure.code, seen.failure.retryable) == (error, retryable)
    assert seen.failure.provider_code == provider_code or provider_code is None
    assert seen.cost == (NOT_BILLED if code >= 500 else UNKNOWN_COST)
    assert not seen.canceled
    assert seen.inference_seconds == Decimal("3.42")


def test_the_message_holds_our_sentence_and_fals_words_without_the_input(see: See) -> None:
    seen = see(DONE, (422, detail("image_too_small", "too\n  small " + "x" * 600), {}))
    message = seen.failure.message
    assert message.startswith("fal.ai refused the input: prompt: too small xxx")
    assert message.endswith("…")
    assert len(message) <= 500 + len("fal.ai refused the input: ")
    assert "SECRET" not in message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"detail": [{"msg": "alone"}, "odd", {"loc": "odd", "type": "kind"}]}, "alone; kind"),
        ({"detail": [{}]}, "no reason given"),
        ({"error": {"message": "from within"}}, "from within"),
        ({"message": "plain"}, "plain"),
        ({"detail": "a\x00b\ud800c", "error_type": " "}, "a b c"),
        ({"detail": 7}, None),
        ({}, None),
    ],
)
def test_other_shapes_of_error_are_read_as_far_as_they_go(body: object, words: str | None, see: See) -> None:
    message = see(DONE, (422, body, {})).failure.message
    assert message == ("fal.ai refused the input" + (f": {words}" if words else ""))


@pytest.mark.parametrize(
    ("units", "cost"),
    [
        ("0", Cost(0, Basis.BILLABLE_UNITS, final=True, units=Decimal(0))),
        ("2.50000000", Cost(210_000_000, Basis.BILLABLE_UNITS, final=True, units=Decimal("2.5"))),
        ("many", UNKNOWN_COST),
    ],
)
def test_a_refused_input_costs_what_fal_says_it_billed(units: str, cost: Cost, see: See) -> None:
    assert see(DONE, (422, detail("missing"), {"X-Fal-Billable-Units": units})).cost == cost


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (DONE, flat("request_timeout"), {"X-Fal-Request-Timeout-Type": "user"}),
        ({"status": "COMPLETED"}, "", {"X-Fal-Request-Timeout-Type": "user"}),
        ({"status": "COMPLETED", "metrics": {}}, flat("request_timeout"), {}),
        ({"status": "COMPLETED", "error": "late", "error_type": "request_timeout"}, {"detail": "late"}, {}),
    ],
)
def test_a_start_timeout_is_free_and_may_run_elsewhere(
    status: object, body: object, headers: dict[str, str], see: See, handle: Handle
) -> None:
    seen = see(status, (504, body, headers), at=replace(handle, failed_looks=2))
    assert seen.failure.code == ErrorCode.START_TIMEOUT
    assert seen.failure.retryable
    assert seen.failure.elsewhere
    assert seen.cost == NOT_BILLED


@pytest.mark.parametrize("failed", [0, 1])
@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_an_error_before_a_result_is_no_verdict_before_it_has_stayed_the_same(
    code: int, failed: int, see: See, handle: Handle
) -> None:
    fals = (code, flat("runner_incomplete_response"), {"X-Fal-Request-Id": "req-1"})
    with pytest.raises(LookFailed, match=f"fal.ai answered {code}"):
        see(DONE, fals, at=replace(handle, failed_looks=failed))


def test_an_error_that_the_status_announced_is_the_verdict_at_once(see: See) -> None:
    announced = DONE | {"error": "the runner died", "error_type": "runner_disconnected"}
    assert isinstance(see(announced, (503, flat("runner_disconnected"), {})), Ended)


def test_a_canceled_request_says_so(see: See) -> None:
    seen = see(DONE, (499, flat("client_cancelled"), {}))
    assert seen.canceled
    assert seen.failure.code == ErrorCode.CANCELED
    assert seen.cost == UNKNOWN_COST


@pytest.mark.parametrize(
    ("code", "body", "headers"),
    [
        (502, "<html><center>nginx</center></html>", {}),
        (503, "", {}),
        (504, {"detail": "gateway"}, {}),
        (500, "Internal Server Error", ID),
        (401, {"detail": "invalid key"}, ID),
        (402, {"detail": "pay"}, ID),
        (403, {"detail": "locked"}, ID),
        (405, {"detail": "Method Not Allowed"}, {}),
        (408, {}, {}),
        (429, {"detail": "slow down"}, {"Retry-After": "4"}),
        (404, "<html>nginx</html>", {}),
        (404, {"detail": "Request not found"}, {}),
        (302, "", {"Location": "/elsewhere"}),
        (200, "<html>fine</html>", {}),
        (200, '{"video": {"url', {}),
    ],
)
def test_what_is_not_about_the_generation_is_no_verdict(
    code: int, body: object, headers: dict[str, str], see: See
) -> None:
    with pytest.raises(LookFailed) as failed:
        see(DONE, (code, body, headers))
    assert not failed.value.missing
    assert failed.value.retry_after == (4 if code == 429 else None)


@pytest.mark.parametrize(
    ("code", "body", "headers", "error"),
    [
        (500, "Internal Server Error", ID, ErrorCode.PROVIDER_FAILED),
        (500, {"detail": "it broke"}, {}, ErrorCode.PROVIDER_FAILED),
        (429, {"detail": "rate of the model's own source"}, {}, ErrorCode.PROVIDER_FAILED),
        (404, {"detail": "gone"}, {}, ErrorCode.PROVIDER_REJECTED),
    ],
)
def test_where_the_status_named_an_error_the_result_is_believed(
    code: int, body: object, headers: dict[str, str], error: ErrorCode, see: See
) -> None:
    assert see(FAILED, (code, body, headers)).failure.code == error


def test_a_gateways_page_is_not_believed_even_then(see: See) -> None:
    with pytest.raises(LookFailed):
        see(FAILED, (502, "<html>nginx</html>", {}))


def test_an_error_in_the_status_ends_it_though_the_result_answers_200(see: See) -> None:
    seen = see(FAILED, (200, VIDEO, {}))
    assert isinstance(seen, Ended)
    assert seen.failure.code == ErrorCode.PROVIDER_FAILED
    assert seen.failure.message.endswith(": Invalid status code: 500")
    assert seen.cost == UNKNOWN_COST


def test_an_error_without_a_type_ends_it_too(see: See) -> None:
    seen = see({"status": "COMPLETED", "error": {"odd": 1}}, (200, {}, {"X-Fal-Billable-Units": "0"}))
    assert (seen.failure.code, seen.failure.provider_code) == (ErrorCode.PROVIDER_FAILED, None)
    assert seen.cost.nano == 0


@pytest.mark.parametrize("text", ["Request is still in progress", "Request not completed", "not yet ready"])
def test_a_result_that_lags_behind_its_status_is_still_being_made(text: str, see: See) -> None:
    assert see(DONE, (400, {"detail": text}, {})) == Generating()


def test_a_late_result_may_come_under_the_type_of_any_bad_request(see: See) -> None:
    assert see(DONE, (400, flat("bad_request", "Request is still in progress"), {})) == Generating()


def test_a_result_that_cannot_have_expired_is_waited_for_and_later_given_up(see: See, handle: Handle) -> None:
    gone: tuple[int, object, dict[str, str]] = (404, {"detail": "Request not found"}, {})
    with pytest.raises(LookFailed, match="does not have the result yet"):
        see(DONE, gone)
    old = replace(handle, accepted_at=handle.accepted_at - timedelta(seconds=301))
    seen = see(DONE, gone, at=old)
    assert seen.failure.code == ErrorCode.ASSET_UNAVAILABLE
    assert not seen.failure.retryable
    assert seen.cost == UNKNOWN_COST


def test_410_says_that_the_result_is_gone(see: See) -> None:
    assert see(DONE, (410, "", {})).failure.code == ErrorCode.ASSET_UNAVAILABLE


def test_an_image_that_the_filter_blanked_ends_as_policy_at_its_price(see: See, handle: Handle) -> None:
    body = {"images": [{"url": "https://v3.fal.media/black.png"}], "has_nsfw_concepts": [True]}
    picture = replace(handle, kind=Kind.IMAGE, unit_price=Decimal("0.025"))
    seen = see(DONE, (200, body, {"X-Fal-Billable-Units": "1"}), at=picture)
    assert seen.failure.code == ErrorCode.CONTENT_POLICY
    assert not seen.failure.retryable
    assert seen.cost.nano == 25_000_000


def test_a_result_without_files_is_finished_with_none(see: See) -> None:
    assert see(DONE, (200, {"seed": 7, "odd": float("nan")}, {})).outputs == ()


def test_a_named_error_is_not_taken_for_a_late_result(see: See) -> None:
    status = {"status": "COMPLETED", "error": "Invalid status code: 400"}
    assert see(status, (400, {"detail": "not ready"}, {})).failure.code == ErrorCode.INVALID_INPUT
