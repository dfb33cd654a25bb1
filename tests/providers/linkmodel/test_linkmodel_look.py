"""The query call of LinkModel: only the task's own status is a verdict."""

import asyncio
import json
import socket
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer

from domain.costs import UNKNOWN_COST, Basis, Cost
from domain.failures import ErrorCode
from domain.lifecycle import Kind
from outbound.many import PooledWire
from outbound.wire import Reply, Request
from providers.base import Ended, Finished, Generating, Handle, LookFailed, Observation, Output, Queued
from providers.linkmodel import LinkModelProvider

KEY = "sk-test-0123456789abcdef"
CATALOGUE = Cost(305_000_000, Basis.CATALOGUE, final=True, units=Decimal(5))


def handle(
    kind: Kind = Kind.IMAGE,
    request_id: str = "aurora_1",
    price_nano: int | None = None,
    expected_cost: Cost | None = None,
) -> Handle:
    return Handle(
        request_id,
        kind,
        "a-model",
        datetime(2026, 11, 22, tzinfo=UTC),
        price_nano=price_nano,
        expected_cost=expected_cost,
    )


def look(url: str, asked: Handle) -> Observation:
    async def once() -> Observation:
        async with PooledWire() as wire:
            return await LinkModelProvider(KEY, url).look(asked, wire)

    return asyncio.run(once())


def seen(server: HTTPServer, data: object, asked: Handle | None = None) -> Observation:
    asked = asked or handle()
    body = {"code": 0, "message": "ok", "data": data, "request_id": "r-1"}
    server.expect_request(
        f"/api/v1/query/{asked.kind}-generation", method="GET", query_string={"task_id": asked.request_id}
    ).respond_with_json(body)
    return look(server.url_for("/api/v1"), asked)


def failed_look(
    server: HTTPServer, body: bytes | dict[str, Any], status: int = 200, **head: str
) -> LookFailed:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    server.expect_request("/api/v1/query/image-generation").respond_with_data(text, status, head)
    with pytest.raises(LookFailed) as caught:
        look(server.url_for("/api/v1"), handle())
    return caught.value


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize(("status", "expected"), [("Pending", Queued()), ("Processing", Generating())])
def test_a_task_on_its_way_is_queued_or_generating(
    httpserver: HTTPServer, kind: Kind, status: str, expected: Observation
) -> None:
    data = {"status": status, "output_images": None, "file_url": ""}

    assert seen(httpserver, data, handle(kind)) == expected
    assert httpserver.log[0][0].headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("task_id", ["a/b?c=d&e", "ä ö", "100%+", "#x", "../../image-generation"])
def test_the_task_id_is_opaque(httpserver: HTTPServer, task_id: str) -> None:
    assert seen(httpserver, {"status": "Pending"}, handle(request_id=task_id)) == Queued()


@pytest.mark.parametrize(
    ("kind", "data", "urls"),
    [
        (Kind.IMAGE, {"output_images": ["https://a/1.png", None, 7, "", "https://a/2.png"]}, 2),
        (Kind.IMAGE, {"output_images": [], "images": ["https://a/input.png"]}, 0),
        (Kind.IMAGE, {"output_images": "https://a/1.png"}, 0),
        (Kind.IMAGE, {}, 0),
        (Kind.VIDEO, {"file_url": "https://a/1.mp4", "output_videos": ["https://a/2.mp4"]}, 1),
        (Kind.VIDEO, {"file_url": "", "output_videos": ["https://a/1.mp4", "https://a/2.mp4"]}, 2),
        (Kind.VIDEO, {"file_url": None, "first_frame_image": "https://a/input.png"}, 0),
    ],
)
def test_a_success_lists_what_was_made_and_never_the_inputs(
    httpserver: HTTPServer, kind: Kind, data: dict[str, Any], urls: int
) -> None:
    result = seen(httpserver, {"status": "Success", **data}, handle(kind))

    assert isinstance(result, Finished)
    suffix = "png" if kind is Kind.IMAGE else "mp4"
    assert result.outputs == tuple(Output(f"https://a/{n}.{suffix}") for n in range(1, urls + 1))


@pytest.mark.parametrize(
    ("more", "cost"),
    [
        ({"price_nano": 7, "expected_cost": CATALOGUE}, Cost(7, Basis.PROVIDER_PRICE, final=True)),
        (
            {"expected_cost": CATALOGUE},
            Cost(305_000_000, Basis.CATALOGUE, final=False, units=Decimal(5)),
        ),
        ({"expected_cost": UNKNOWN_COST}, UNKNOWN_COST),
        ({}, UNKNOWN_COST),
    ],
)
def test_the_cost_is_the_price_at_creation_else_the_catalogue_s_else_unknown(
    httpserver: HTTPServer, more: dict[str, Any], cost: Cost
) -> None:
    result = seen(httpserver, {"status": "Success", "output_images": ["https://a/1.png"]}, handle(**more))

    assert isinstance(result, Finished)
    assert result.cost == cost


@pytest.mark.parametrize(
    ("text", "code", "retryable"),
    [
        ("content policy blocked the task", ErrorCode.CONTENT_POLICY, False),
        ("Input flagged as NSFW", ErrorCode.CONTENT_POLICY, False),
        ("the upstream is overloaded", ErrorCode.PROVIDER_FAILED, True),
        ("code=100601: insufficient balance", ErrorCode.INSUFFICIENT_FUNDS, False),
        ("", ErrorCode.PROVIDER_FAILED, True),
        (None, ErrorCode.PROVIDER_FAILED, True),
    ],
)
def test_a_failed_task_has_ended_at_a_cost_that_nobody_knows(
    httpserver: HTTPServer, text: str | None, code: ErrorCode, *, retryable: bool
) -> None:
    result = seen(httpserver, {"status": "Failed", "msg": text}, handle(price_nano=7))

    assert isinstance(result, Ended)
    assert (result.failure.code, result.failure.retryable) == (code, retryable)
    assert (text or "no reason given") in result.failure.message
    assert "r-1" in result.failure.message
    assert result.cost == UNKNOWN_COST
    assert not result.canceled


@pytest.mark.parametrize("text", [None, "by the operator"])
def test_a_task_cancelled_at_the_provider_has_ended_as_canceled(
    httpserver: HTTPServer, text: str | None
) -> None:
    result = seen(httpserver, {"status": "Cancelled", "msg": text})

    assert isinstance(result, Ended)
    assert result.canceled
    assert result.failure.code == ErrorCode.CANCELED
    assert (text or "") in result.failure.message
    assert result.cost == UNKNOWN_COST


@pytest.mark.parametrize("status", ["success", "processing", "FAILED", "Expired", "", None, 3, ["Success"]])
def test_a_status_outside_the_list_is_no_verdict(httpserver: HTTPServer, status: object) -> None:
    with pytest.raises(LookFailed, match="status"):
        seen(httpserver, {"status": status, "output_images": ["https://a/1.png"]})


@pytest.mark.parametrize("data", [None, [], "Success"])
def test_an_answer_without_data_is_no_verdict(httpserver: HTTPServer, data: object) -> None:
    with pytest.raises(LookFailed):
        seen(httpserver, data)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html>"),
        (200, b'{"code":0,"data":{"status":"Succ'),
        (200, b'{"data":{"status":"Failed"}}'),
        (200, b'{"code":"0","data":{"status":"Failed"}}'),
        (200, b'{"code":500,"message":"no","data":{"status":"Failed"}}'),
        (302, b""),
        (400, b'{"code":400,"msg":"task_id is required"}'),
        (500, b'{"code":0,"data":{"status":"Success"}}'),
        (502, b"<html>nginx</html>"),
        (404, b"<html>nginx</html>"),
        (404, b'{"detail":"Not Found"}'),
    ],
)
def test_trouble_on_the_way_is_no_verdict(httpserver: HTTPServer, status: int, body: bytes) -> None:
    trouble = failed_look(httpserver, body, status)

    assert not trouble.missing


@pytest.mark.parametrize(("status", "code"), [(404, 404), (200, 404), (404, 500)])
def test_a_task_that_linkmodel_does_not_know_is_missing(
    httpserver: HTTPServer, status: int, code: int
) -> None:
    assert failed_look(httpserver, {"code": code, "message": "task not found"}, status).missing


@pytest.mark.parametrize(("status", "code"), [(401, 401), (200, 401)])
def test_a_refused_key_is_named(httpserver: HTTPServer, status: int, code: int) -> None:
    trouble = failed_look(httpserver, {"code": code, "msg": "token expired"}, status)

    assert "LINKMODEL_API_KEY" in str(trouble)
    assert KEY not in str(trouble)


@pytest.mark.parametrize(("status", "body"), [(429, b'{"code":429}'), (200, b'{"code":429}'), (503, b"busy")])
def test_the_wait_that_was_asked_for_is_kept(httpserver: HTTPServer, status: int, body: bytes) -> None:
    assert failed_look(httpserver, body, status, **{"Retry-After": "9"}).retry_after == 9


def test_an_unreachable_provider_is_no_verdict() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(LookFailed):
        look(f"http://127.0.0.1:{port}", handle())


OFFLINE = LinkModelProvider(KEY, "http://127.0.0.1:1")


class FixedWire:
    """A wire that answers every call with the same bytes."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    async def call(self, request: Request, *, timeout: float) -> Reply:  # noqa: ARG002, ASYNC109 - the protocol
        return Reply(200, {}, self.body)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=2)))
def test_no_field_of_a_success_can_break_a_look(value: object) -> None:
    data = {"status": "Success", "file_url": value, "output_videos": value, "msg": value}
    wire = FixedWire(json.dumps({"code": 0, "data": data}).encode())

    result = asyncio.run(OFFLINE.look(handle(Kind.VIDEO), wire))

    assert isinstance(result, Finished)
    assert all(output.url for output in result.outputs)
