"""The create call of LinkModel: one POST, and only proof counts as a refusal."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request as Asked
from werkzeug import Response

from domain.failures import ErrorCode, Failure
from domain.lifecycle import Kind
from providers.base import NotAccepted, OutcomeUnknown, Submission
from providers.linkmodel import LinkModelProvider
from providers.linkmodel.submit import price_nano

KEY = "sk-test-0123456789abcdef"
TASK = "cb6111cf-e89f-4978-b8e3-aa59c21cceff"
CREATED = (
    b'{"code":0,"data":{"task_id":"cb6111cf-e89f-4978-b8e3-aa59c21cceff","order_id":"o","status":"processing",'
    b'"price":0.074},"msg":"success","request_id":"250b66dd"}'
)
SUBMISSION = Submission("attempt", Kind.VIDEO, "kling-v3", {"prompt": "a kite", "duration": 5})


def provider(server: HTTPServer) -> LinkModelProvider:
    return LinkModelProvider(KEY, server.url_for("/api/v1"))


def answer(server: HTTPServer, body: bytes | dict[str, Any], status: int = 200, **headers: str) -> None:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    server.expect_request("/api/v1/video-generation", method="POST").respond_with_data(
        text, status, {"Content-Type": "application/json", **headers}
    )


def refused(server: HTTPServer) -> NotAccepted:
    with pytest.raises(NotAccepted) as caught:
        provider(server).submit(SUBMISSION)
    assert len(server.log) == 1
    return caught.value


def test_a_created_task_is_accepted_at_its_exact_price(httpserver: HTTPServer) -> None:
    answer(httpserver, CREATED)

    accepted = provider(httpserver).submit(SUBMISSION)

    assert accepted.request_id == TASK
    assert accepted.price_nano == 74_000_000
    assert not accepted.sandbox


@pytest.mark.parametrize("kind", list(Kind))
def test_the_request_is_one_post_of_a_flat_body_with_a_bearer_key(httpserver: HTTPServer, kind: Kind) -> None:
    seen: list[Asked] = []

    def record(request: Asked) -> Response:
        request.get_data()
        seen.append(request)
        return Response(CREATED)

    httpserver.expect_request(f"/api/v1/{kind}-generation", method="POST").respond_with_handler(record)

    LinkModelProvider(KEY, httpserver.url_for("/api/v1/")).submit(
        Submission("attempt", kind, "kling-v3", {"prompt": "ein Drachen 🪁", "extends": {"audio": False}})
    )

    (request,) = seen
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Content-Type"] == "application/json"
    assert request.get_json() == {
        "model": "kling-v3",
        "prompt": "ein Drachen 🪁",
        "extends": {"audio": False},
    }


def test_an_emulator_s_answer_is_known_as_such(httpserver: HTTPServer) -> None:
    answer(httpserver, CREATED, 200, **{"X-Darkroom-Sandbox": "1"})

    assert provider(httpserver).submit(SUBMISSION).sandbox


@pytest.mark.parametrize(
    ("price", "nano"),
    [
        (b"0.074", 74_000_000),
        (b"3.87", 3_870_000_000),
        (b"1", 1_000_000_000),
        (b"0.0000000005", 1),
        (b"7.4e-2", 74_000_000),
        (b"0", None),
        (b"0.0", None),
        (b"-1", None),
        (b"true", None),
        (b'"0.074"', None),
        (b"null", None),
        (b"1e999999", None),
        (b"99999999999", None),
        (b"9999999999", None),
    ],
)
def test_a_price_is_exact_or_not_known(httpserver: HTTPServer, price: bytes, nano: int | None) -> None:
    answer(httpserver, CREATED.replace(b"0.074", price))

    assert provider(httpserver).submit(SUBMISSION).price_nano == nano


def test_a_task_without_a_price_is_accepted(httpserver: HTTPServer) -> None:
    answer(httpserver, {"code": 0, "data": {"task_id": "aurora_1"}, "message": "success"}, 202)

    assert provider(httpserver).submit(SUBMISSION).price_nano is None


@given(st.integers(min_value=1, max_value=2**62))
def test_every_price_in_whole_nano_dollars_survives(nano: int) -> None:
    assert price_nano(Decimal(nano).scaleb(-9)) == nano


REFUSALS: list[tuple[int, int, str, Failure]] = [
    (401, 401, "Invalid API key", Failure(ErrorCode.PROVIDER_AUTH, "", "401", elsewhere=True)),
    (200, 401, "token expired", Failure(ErrorCode.PROVIDER_AUTH, "", "401", elsewhere=True)),
    (403, 403, "forbidden", Failure(ErrorCode.PROVIDER_AUTH, "", "403", elsewhere=True)),
    (
        200,
        500,
        "create task failed: billing: code=100601: insufficient balance",
        Failure(ErrorCode.INSUFFICIENT_FUNDS, "", "100601", elsewhere=True),
    ),
    (500, 500, "Insufficient Balance", Failure(ErrorCode.INSUFFICIENT_FUNDS, "", "100601", elsewhere=True)),
    (402, 402, "pay", Failure(ErrorCode.INSUFFICIENT_FUNDS, "", "402", elsewhere=True)),
    (400, 400, "duration must be between 3 and 15 seconds", Failure(ErrorCode.INVALID_INPUT, "", "400")),
    (200, 400, "prompt is required", Failure(ErrorCode.INVALID_INPUT, "", "400")),
    (500, 400, "prompt is required", Failure(ErrorCode.INVALID_INPUT, "", "400")),
    (422, 422, "size", Failure(ErrorCode.INVALID_INPUT, "", "422")),
    (404, 404, "model names are case-sensitive", Failure(ErrorCode.INVALID_INPUT, "", "404")),
    (413, 413, "too large", Failure(ErrorCode.INVALID_INPUT, "", "413")),
    (415, 415, "type", Failure(ErrorCode.INVALID_INPUT, "", "415")),
    (400, 400, "blocked by content policy", Failure(ErrorCode.CONTENT_POLICY, "", "400")),
    (429, 429, "rate limit exceeded", Failure(ErrorCode.PROVIDER_REJECTED, "", "429", retryable=True)),
    (200, 429, "rate limit exceeded", Failure(ErrorCode.PROVIDER_REJECTED, "", "429", retryable=True)),
    (200, 500, "create task failed: busy", Failure(ErrorCode.PROVIDER_REJECTED, "", "500", retryable=True)),
    (409, 409, "conflict", Failure(ErrorCode.PROVIDER_REJECTED, "", "409", elsewhere=True)),
    (401, 500, "no", Failure(ErrorCode.PROVIDER_AUTH, "", "401", elsewhere=True)),
    (400, 0, "success", Failure(ErrorCode.INVALID_INPUT, "", "400")),
]


@pytest.mark.parametrize(("status", "code", "text", "expected"), REFUSALS)
def test_a_refusal_says_what_it_is_and_whether_to_try_again(
    httpserver: HTTPServer, status: int, code: int, text: str, expected: Failure
) -> None:
    answer(httpserver, {"code": code, "msg": text, "request_id": "r-9"}, status)

    failure = refused(httpserver).failure

    assert (failure.code, failure.provider_code) == (expected.code, expected.provider_code)
    assert (failure.retryable, failure.elsewhere) == (expected.retryable, expected.elsewhere)
    assert text in failure.message
    assert "r-9" in failure.message


@pytest.mark.parametrize(("status", "code"), [(401, "provider_auth"), (404, "invalid_input")])
def test_a_client_error_is_a_refusal_without_an_envelope_too(
    httpserver: HTTPServer, status: int, code: str
) -> None:
    answer(httpserver, b"<html>nginx</html>", status)

    assert refused(httpserver).failure.code == code


def test_throttling_keeps_the_wait_that_was_asked_for(httpserver: HTTPServer) -> None:
    answer(httpserver, {"code": 429, "msg": "slow down"}, 429, **{"Retry-After": "12"})

    assert refused(httpserver).retry_after == 12


def test_a_long_reason_is_cut(httpserver: HTTPServer) -> None:
    answer(httpserver, {"code": 400, "msg": "x" * 100_000}, 400)

    assert len(refused(httpserver).failure.message) < 600


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_refused_and_not_followed(httpserver: HTTPServer, status: int) -> None:
    answer(httpserver, b"", status, Location=httpserver.url_for("/elsewhere"))

    failure = refused(httpserver).failure

    assert not failure.retryable
    assert "DARKROOM_LINKMODEL_URL" in failure.message


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html>ok</html>"),
        (200, CREATED[:60]),
        (200, b"[]"),
        (200, b'{"msg":"success","data":{"task_id":"t"}}'),
        (200, b'{"code":"0","data":{"task_id":"t"}}'),
        (200, b'{"code":true,"msg":"no"}'),
        (200, b'{"code":0,"data":{}}'),
        (200, b'{"code":0,"data":null}'),
        (200, b'{"code":0,"data":{"task_id":""}}'),
        (200, b'{"code":0,"data":{"task_id":17}}'),
        (200, b'{"code":500,"msg":"odd","data":{"task_id":"t"}}'),
        (400, b'{"code":400,"msg":"odd","data":{"task_id":"t"}}'),
        (200, b'{"code":500,"msg":"create task failed: context deadline exceeded"}'),
        (200, b'{"code":504,"msg":"no answer"}'),
        (500, b'{"code":500,"msg":"internal error"}'),
        (502, b"<html>nginx</html>"),
        (503, b""),
        (504, b'{"code":504}'),
        (303, b""),
        (408, b""),
        (499, b""),
    ],
)
def test_an_answer_that_proves_nothing_leaves_the_outcome_unknown(
    httpserver: HTTPServer, status: int, body: bytes
) -> None:
    answer(httpserver, body, status)

    with pytest.raises(OutcomeUnknown):
        provider(httpserver).submit(SUBMISSION)
    assert len(httpserver.log) == 1


def test_nothing_is_sent_where_the_input_is_not_json(httpserver: HTTPServer) -> None:
    odd = Submission("attempt", Kind.IMAGE, "gpt-image-2", {"prompt": "x", "cfg": float("nan")})

    with pytest.raises(NotAccepted) as caught:
        provider(httpserver).submit(odd)

    assert caught.value.failure.code == ErrorCode.INVALID_INPUT
    assert not httpserver.log


@pytest.mark.parametrize("key", ["", "sk-ä", "sk-1\n", " sk-1"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ValueError, match="LINKMODEL_API_KEY") as caught:
        LinkModelProvider(key, "http://127.0.0.1")

    assert not key or key not in str(caught.value)
