"""Our own field in fal's input: sent where wanted, its refusal told from the customer's mistakes."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from domain.failures import MARKER_REFUSED, ErrorCode
from providers.base import Ended, Handle, NotAccepted, Observation, Submission
from providers.fal import FalProvider

SUBMITS = "/fal/queue/fal-ai/kling-video/v3/standard/text-to-video"
REQUEST = "/fal/queue/fal-ai/kling-video/requests/req-1"
FORBIDDEN = {
    "loc": ["body", "darkroom_attempt"],
    "msg": "Extra inputs are not permitted",
    "type": "extra_forbidden",
}
SHORT = {"loc": ["body", "prompt"], "msg": "too short", "type": "sequence_too_short"}


@pytest.mark.parametrize("marker", ["0199-attempt", None])
def test_the_marker_goes_out_beside_the_input(
    httpserver: HTTPServer, provider: FalProvider, submission: Submission, marker: str | None
) -> None:
    httpserver.expect_request(SUBMITS).respond_with_json({"request_id": "req-1"})
    provider.submit(replace(submission, marker=marker))
    [(request, _)] = httpserver.log
    mark = {} if marker is None else {"darkroom_attempt": marker}
    assert json.loads(request.get_data()) == {**submission.arguments, **mark}


@pytest.mark.parametrize("detail", [[FORBIDDEN], [SHORT, FORBIDDEN]])
def test_an_endpoint_that_refuses_it_at_the_door_is_worth_the_same_again(
    httpserver: HTTPServer, provider: FalProvider, submission: Submission, detail: list[Any]
) -> None:
    httpserver.expect_request(SUBMITS).respond_with_json({"detail": detail}, 422)
    with pytest.raises(NotAccepted) as caught:
        provider.submit(replace(submission, marker="0199-attempt"))
    failure = caught.value.failure
    assert (failure.provider_code, failure.retryable) == (MARKER_REFUSED, True)


@pytest.mark.parametrize(("units", "cost"), [({"x-fal-billable-units": "0"}, 0), ({}, None)])
def test_an_endpoint_that_refuses_it_as_it_runs_says_what_that_cost(
    httpserver: HTTPServer,
    provider: FalProvider,
    handle: Handle,
    look: Callable[[FalProvider, Handle], Observation],
    units: dict[str, str],
    cost: int | None,
) -> None:
    done: dict[str, object] = {"status": "COMPLETED", "logs": None, "metrics": {}}
    httpserver.expect_request(f"{REQUEST}/status").respond_with_json(done)
    httpserver.expect_request(REQUEST).respond_with_json({"detail": [FORBIDDEN]}, 422, headers=units)
    ended = look(provider, handle)
    assert isinstance(ended, Ended)
    assert (ended.failure.provider_code, ended.failure.code) == (MARKER_REFUSED, ErrorCode.PROVIDER_FAILED)
    assert ended.cost.nano == cost


@pytest.mark.parametrize("item", [SHORT, {"loc": [], "msg": "x"}, {"loc": "darkroom_attempt"}, "x"])
def test_any_other_refusal_is_the_customers(
    httpserver: HTTPServer, provider: FalProvider, submission: Submission, item: object
) -> None:
    httpserver.expect_request(SUBMITS).respond_with_json({"detail": [item]}, 422)
    with pytest.raises(NotAccepted) as caught:
        provider.submit(submission)
    assert caught.value.failure.code is ErrorCode.INVALID_INPUT
