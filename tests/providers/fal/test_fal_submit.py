"""What goes out with a submission, and what each answer to it proves."""

import json
from dataclasses import replace
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from domain.failures import ErrorCode
from providers.base import Handle, NotAccepted, OutcomeUnknown, Submission
from providers.fal import FalProvider

PATH = "/fal/queue/fal-ai/kling-video/v3/standard/text-to-video"


def serve(httpserver: HTTPServer, status: int, body: object, headers: dict[str, str] | None = None) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    httpserver.expect_request(PATH, method="POST").respond_with_data(text, status, headers or {})


def sent(httpserver: HTTPServer) -> Request:
    (entry,) = httpserver.log
    return entry[0]


def test_the_body_is_exactly_the_arguments(
    provider: FalProvider, httpserver: HTTPServer, submission: Submission
) -> None:
    serve(httpserver, 200, {"request_id": "req-1"})
    arguments = {"prompt": "Überfahrt ☂ 🎞", "loras": [{"path": "x", "scale": 0.5}], "seed": 2**60}
    provider.submit(replace(submission, arguments=arguments))
    request = sent(httpserver)
    assert json.loads(request.get_data()) == arguments
    assert request.content_type == "application/json"
    assert request.query_string == b""
    assert arguments == {"prompt": "Überfahrt ☂ 🎞", "loras": [{"path": "x", "scale": 0.5}], "seed": 2**60}


def test_a_plain_submission_carries_no_header_beyond_key_and_priority(
    provider: FalProvider, httpserver: HTTPServer, submission: Submission
) -> None:
    serve(httpserver, 200, {"request_id": "req-1"})
    provider.submit(submission)
    headers = sent(httpserver).headers
    assert headers["Authorization"] == "Key key-id:key-secret"
    assert headers["User-Agent"].startswith("fal-client/")
    assert headers["Host"] == f"{httpserver.host}:{httpserver.port}"
    assert {name for name, _ in headers if name.startswith("X-")} == {"X-Fal-Queue-Priority"}
    assert headers.getlist("Content-Length") == [headers["Content-Length"]]


def test_every_wish_has_its_header(
    provider: FalProvider, httpserver: HTTPServer, submission: Submission
) -> None:
    serve(httpserver, 200, {"request_id": "req-1"})
    provider.submit(
        replace(
            submission,
            priority="low",
            start_timeout=30,
            hint="runner-7",
            zero_retention=True,
            object_lifetime=3600,
            webhook_url="https://us.example/hooks/fal/t?a=1&b=2",
        )
    )
    request = sent(httpserver)
    assert request.args["fal_webhook"] == "https://us.example/hooks/fal/t?a=1&b=2"
    assert request.headers["X-Fal-Queue-Priority"] == "low"
    assert float(request.headers["X-Fal-Request-Timeout"]) == 30
    assert request.headers["X-Fal-Runner-Hint"] == "runner-7"
    assert request.headers["X-Fal-Store-IO"] == "0"
    lifecycle = json.loads(request.headers["X-Fal-Object-Lifecycle-Preference"])
    assert lifecycle == {"expiration_duration_seconds": 3600}


def test_proxies_of_the_environment_are_not_used(
    provider: FalProvider,
    httpserver: HTTPServer,
    submission: Submission,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    serve(httpserver, 200, {"request_id": "req-1"})
    assert provider.submit(submission).request_id == "req-1"


def test_accepted_keeps_what_fal_told(
    provider: FalProvider, httpserver: HTTPServer, submission: Submission, queue_url: str
) -> None:
    told = f"{queue_url}/fal-ai/kling-video/v3/requests/req-1"
    body = {
        "request_id": "req-1",
        "status_url": f"{told}/status",
        "response_url": f"{told}/response",
        "cancel_url": f"{told}/cancel",
        "queue_position": 3,
    }
    serve(httpserver, 200, body, {"X-Darkroom-Sandbox": "1"})
    accepted = provider.submit(submission)
    assert accepted.status_url == f"{told}/status"
    assert accepted.response_url == f"{told}/response"
    assert accepted.cancel_url == f"{told}/cancel"
    assert accepted.queue_position == 3
    assert accepted.sandbox
    assert accepted.price_nano is None


def test_missing_addresses_are_rebuilt_from_the_id(
    provider: FalProvider, httpserver: HTTPServer, submission: Submission, queue_url: str
) -> None:
    serve(httpserver, 202, {"request_id": "req/1 ?", "queue_position": "first"})
    accepted = provider.submit(submission)
    own = f"{queue_url}/fal-ai/kling-video/requests/req%2F1%20%3F"
    assert accepted.request_id == "req/1 ?"
    assert (accepted.status_url, accepted.response_url) == (f"{own}/status", own)
    assert accepted.cancel_url == f"{own}/cancel"
    assert accepted.queue_position is None
    assert not accepted.sandbox


def test_foreign_addresses_are_replaced_by_our_own(
    provider: FalProvider, httpserver: HTTPServer, submission: Submission, queue_url: str
) -> None:
    names = ("status_url", "response_url", "cancel_url")
    serve(httpserver, 200, {"request_id": "r"} | dict.fromkeys(names, "https://evil.example/fal/queue/x"))
    accepted = provider.submit(submission)
    assert accepted.response_url == f"{queue_url}/fal-ai/kling-video/requests/r"


@pytest.mark.parametrize(
    "body",
    [
        "<html>all is well</html>",
        "",
        '{"request_id": "re',
        "[]",
        {"status": "IN_QUEUE"},
        {"request_id": 7},
        {"request_id": ""},
        {"request_id": "a\nb"},
        {"request_id": "x" * 201},
        "[" * 100_000,
    ],
)
def test_a_success_without_a_readable_id_leaves_the_outcome_unknown(
    body: object, provider: FalProvider, httpserver: HTTPServer, submission: Submission
) -> None:
    serve(httpserver, 200, body)
    with pytest.raises(OutcomeUnknown):
        provider.submit(submission)
    assert len(httpserver.log) == 1


FLAT = {"detail": "no", "error_type": "bad_request"}
LOCKED = {"detail": "User is locked. Reason: Exhausted balance. Top up your balance."}
POLICY = {"detail": [{"loc": ["body", "prompt"], "msg": "refused", "type": "content_policy_violation"}]}


@pytest.mark.parametrize(
    ("status", "body", "code", "retryable", "elsewhere"),
    [
        (400, FLAT, ErrorCode.INVALID_INPUT, False, False),
        (404, {"detail": 'Application "x" not found'}, ErrorCode.PROVIDER_REJECTED, False, True),
        (409, {"detail": "conflict"}, ErrorCode.PROVIDER_REJECTED, False, True),
        (413, "too large", ErrorCode.INVALID_INPUT, False, False),
        (415, "", ErrorCode.INVALID_INPUT, False, False),
        (422, {"detail": [{"loc": ["body"], "msg": "bad"}]}, ErrorCode.INVALID_INPUT, False, False),
        (422, POLICY, ErrorCode.CONTENT_POLICY, False, False),
        (401, {"detail": "invalid key credentials"}, ErrorCode.PROVIDER_AUTH, False, True),
        (403, {"detail": 'Cannot access application "x"'}, ErrorCode.PROVIDER_AUTH, False, True),
        (403, LOCKED, ErrorCode.INSUFFICIENT_FUNDS, False, True),
        (402, {"detail": "pay"}, ErrorCode.INSUFFICIENT_FUNDS, False, True),
        (429, {"detail": "slow down"}, ErrorCode.PROVIDER_REJECTED, True, False),
        (429, "", ErrorCode.PROVIDER_REJECTED, True, False),
        (302, "", ErrorCode.PROVIDER_REJECTED, False, True),
    ],
)
def test_a_refusal_is_not_accepted(
    status: int,
    body: object,
    code: ErrorCode,
    retryable: bool,  # noqa: FBT001 - a column of the table
    elsewhere: bool,  # noqa: FBT001 - likewise
    provider: FalProvider,
    httpserver: HTTPServer,
    submission: Submission,
) -> None:
    serve(httpserver, status, body)
    with pytest.raises(NotAccepted) as refused:
        provider.submit(submission)
    failure = refused.value.failure
    assert (failure.code, failure.retryable, failure.elsewhere) == (code, retryable, elsewhere)
    assert refused.value.retry_after is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("12", 12),
        ("1.5", 1.5),
        ("Thu, 01 Oct 2026 12:00:30 GMT", 30),
        ("Thu, 01 Oct 2026 12:00:30 -0000", 30),
        ("Thu, 01 Oct 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("-4", None),
        ("1e9", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(
    value: str,
    seconds: float | None,
    provider: FalProvider,
    httpserver: HTTPServer,
    submission: Submission,
) -> None:
    serve(httpserver, 429, {"detail": "slow down"}, {"Retry-After": value})
    with pytest.raises(NotAccepted) as refused:
        provider.submit(submission)
    assert refused.value.retry_after == seconds


@pytest.mark.parametrize(
    ("header", "value", "retryable"),
    [
        ("X-Fal-Retryable", "false", False),
        ("x-fal-retryable", "True", True),
        ("X-FAL-NEEDS-RETRY", "1", True),
        ("X-Fal-needs-retry", "0", False),
        ("X-Fal-needs-retry", "perhaps", True),
    ],
)
def test_fals_own_word_on_retrying_is_heard(
    header: str,
    value: str,
    retryable: bool,  # noqa: FBT001 - a column of the table
    provider: FalProvider,
    httpserver: HTTPServer,
    submission: Submission,
) -> None:
    serve(httpserver, 429, {"detail": "slow down"}, {header: value})
    with pytest.raises(NotAccepted) as refused:
        provider.submit(submission)
    assert refused.value.failure.retryable is retryable


PLATFORM = {"detail": "no runner", "error_type": "runner_scheduling_failure"}


@pytest.mark.parametrize("headers", [{"x-fal-request-id": "r"}, {"X-Fal-Error-Type": "internal_error"}])
def test_a_503_with_fals_own_error_is_a_refusal(
    headers: dict[str, str], provider: FalProvider, httpserver: HTTPServer, submission: Submission
) -> None:
    serve(httpserver, 503, PLATFORM, headers | {"Retry-After": "3"})
    with pytest.raises(NotAccepted) as refused:
        provider.submit(submission)
    assert refused.value.failure.code == ErrorCode.PROVIDER_FAILED
    assert refused.value.failure.provider_code == "runner_scheduling_failure"
    assert refused.value.failure.retryable
    assert refused.value.retry_after == 3


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (503, PLATFORM, {}),
        (503, "overloaded", {"x-fal-request-id": "r"}),
        (503, {"detail": "overloaded"}, {"x-fal-request-id": "r"}),
        (500, PLATFORM, {"x-fal-request-id": "r"}),
        (502, PLATFORM, {"x-fal-request-id": "r", "x-fal-error-type": "runner_incomplete_response"}),
        (504, {"detail": "late", "error_type": "request_timeout"}, {}),
        (408, "", {}),
        (499, "", {}),
    ],
)
def test_what_proves_nothing_leaves_the_outcome_unknown(
    status: int,
    body: object,
    headers: dict[str, str],
    provider: FalProvider,
    httpserver: HTTPServer,
    submission: Submission,
) -> None:
    serve(httpserver, status, body, headers)
    with pytest.raises(OutcomeUnknown) as unknown:
        provider.submit(submission)
    assert str(status) in str(unknown.value)
    assert ("names the request r" in str(unknown.value)) == ("x-fal-request-id" in headers)


@pytest.mark.parametrize(
    "changes",
    [
        {"start_timeout": 1},
        {"arguments": {"strength": float("nan")}},
        {"arguments": {"prompt": "\ud800"}},
        {"arguments": {"scale": {1, 2}}},
        {"endpoint": "kling-video"},
        {"endpoint": "fal-ai/../admin"},
        {"hint": "schnäppchen\n"},
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_leaves(
    changes: dict[str, Any], provider: FalProvider, httpserver: HTTPServer, submission: Submission
) -> None:
    with pytest.raises(NotAccepted) as refused:
        provider.submit(replace(submission, **changes))
    assert refused.value.failure.code == ErrorCode.INVALID_INPUT
    assert not refused.value.failure.retryable
    assert httpserver.log == []


@pytest.mark.parametrize("key", ["", "key\n", "schlüssel"])
def test_a_key_that_no_header_can_carry_is_refused_at_once(key: str) -> None:
    with pytest.raises(ValueError, match="FAL_KEY"):
        FalProvider(key, "http://127.0.0.1:1", "http://127.0.0.1:1")


CANCEL = "/fal/queue/fal-ai/kling-video/requests/req-1/cancel"


@pytest.mark.parametrize(
    ("status", "body", "effect"),
    [
        (200, {"status": "OK"}, "removed"),
        (200, {"success": True}, "requested"),
        (200, "", "requested"),
        (202, {"status": "CANCELLATION_REQUESTED"}, "requested"),
        (400, {"status": "ALREADY_COMPLETED"}, "too_late"),
    ],
)
def test_a_cancel_says_what_came_of_it(
    status: int,
    body: object,
    effect: str,
    provider: FalProvider,
    httpserver: HTTPServer,
    handle: Handle,
) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    httpserver.expect_request(CANCEL, method="PUT").respond_with_data(text, status)
    answer = provider.cancel(replace(handle, cancel_url="https://evil.example/cancel"))
    assert answer.effect == effect
    assert answer.message
    assert sent(httpserver).headers["Authorization"] == "Key key-id:key-secret"


def test_a_cancel_goes_to_the_address_that_fal_gave(
    provider: FalProvider, httpserver: HTTPServer, handle: Handle, queue_url: str
) -> None:
    httpserver.expect_request("/fal/queue/fal-ai/kling-video/x/cancel", method="PUT").respond_with_response(
        Response('{"status": "OK"}')
    )
    assert (
        provider.cancel(replace(handle, cancel_url=f"{queue_url}/fal-ai/kling-video/x/cancel")).effect
        == "removed"
    )


def test_a_date_to_retry_after_is_held_against_the_clock_on_the_wall(
    httpserver: HTTPServer, queue_url: str, submission: Submission
) -> None:
    serve(httpserver, 429, "", {"Retry-After": "Mon, 01 Jan 2001 00:00:00 GMT"})
    with pytest.raises(NotAccepted) as refused:
        FalProvider("sandbox", queue_url, queue_url).submit(submission)
    assert refused.value.retry_after == 0
