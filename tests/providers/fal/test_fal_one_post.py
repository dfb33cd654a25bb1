"""The fal client repeats what it thinks is safe to repeat; under our transport it never does."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from outbound.wire import Reply, Request
from providers.base import Handle, LookFailed, NotAccepted, OutcomeUnknown, Submission
from providers.fal import FalProvider
from providers.fal.transport import OneShot
from providers.fal.urls import Queue

MakeProvider = Callable[..., FalProvider]

NGINX = "<html><head><title>{0}</title></head><body><center>nginx</center></body></html>"


def answer(status: int, body: str = "", *headers: str) -> bytes:
    lines = [
        f"HTTP/1.1 {status} Some Reason",
        f"Content-Length: {len(body)}",
        "Connection: keep-alive",
        *headers,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@pytest.mark.parametrize(
    ("behaviour", "verdict"),
    [
        pytest.param({}, OutcomeUnknown, id="closed without an answer"),
        pytest.param({"reset": True}, OutcomeUnknown, id="reset"),
        pytest.param({"hold": True}, OutcomeUnknown, id="read timeout"),
        pytest.param({"answer": b"HTTP/1.1 200 OK\r\nContent-Le"}, OutcomeUnknown, id="cut in the headers"),
        pytest.param(
            {"answer": b'HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{"request_id'},
            OutcomeUnknown,
            id="cut in the body",
        ),
        pytest.param({"answer": b"SSH-2.0-OpenSSH\r\n\r\n"}, OutcomeUnknown, id="not HTTP"),
        pytest.param({"answer": answer(408)}, OutcomeUnknown, id="408"),
        pytest.param({"answer": answer(409)}, NotAccepted, id="409"),
        pytest.param({"answer": answer(429)}, NotAccepted, id="429"),
        pytest.param({"answer": answer(500)}, OutcomeUnknown, id="500"),
        pytest.param({"answer": answer(502, NGINX.format(502))}, OutcomeUnknown, id="nginx 502"),
        pytest.param({"answer": answer(503, NGINX.format(503))}, OutcomeUnknown, id="nginx 503"),
        pytest.param({"answer": answer(504, NGINX.format(504))}, OutcomeUnknown, id="nginx 504"),
        pytest.param({"answer": answer(307, "", "Location: /elsewhere")}, NotAccepted, id="redirect"),
        pytest.param({"answer": answer(200, NGINX.format(200))}, OutcomeUnknown, id="HTML 200"),
    ],
)
def test_whatever_happens_exactly_one_post_goes_out(
    behaviour: dict[str, Any],
    verdict: type[Exception],
    raw_server: Callable[..., Any],
    make_provider: MakeProvider,
    submission: Submission,
) -> None:
    server = raw_server(**behaviour)
    provider = make_provider(server.url, submit_timeout=0.5)
    with pytest.raises(verdict):
        provider.submit(submission)
    assert server.connections == 1
    assert [request.split(b" ")[0] for request in server.requests] == [b"POST"]


def test_a_kept_connection_is_never_used_again(
    raw_server: Callable[..., Any], make_provider: MakeProvider, submission: Submission
) -> None:
    server = raw_server(answer=answer(200, '{"request_id": "req-1"}'), hold=True)
    provider = make_provider(server.url)
    assert provider.submit(submission).request_id == "req-1"
    assert provider.submit(submission).request_id == "req-1"
    assert server.connections == 2


@pytest.mark.parametrize("status", [408, 409, 429, 502, 503, 504])
def test_a_cancel_is_sent_once_too(
    status: int,
    raw_server: Callable[..., Any],
    make_provider: MakeProvider,
    handle: Handle,
) -> None:
    server = raw_server(answer=answer(status, NGINX.format(status), "Retry-After: 7"))
    with pytest.raises(LookFailed) as failed:
        make_provider(server.url).cancel(handle)
    assert failed.value.retry_after == 7
    assert [request.split(b" ")[0] for request in server.requests] == [b"PUT"]


def test_a_cancel_without_an_answer_is_sent_once_too(
    raw_server: Callable[..., Any], make_provider: MakeProvider, handle: Handle
) -> None:
    server = raw_server()
    with pytest.raises(LookFailed, match="could not be asked"):
        make_provider(server.url).cancel(handle)
    assert server.connections == 1


def test_nobody_listening_is_not_accepted_and_may_be_tried_again(
    make_provider: MakeProvider, submission: Submission
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(NotAccepted) as refused:
        make_provider(f"http://127.0.0.1:{port}/fal/queue").submit(submission)
    assert refused.value.failure.retryable


def test_a_broken_tls_handshake_is_not_accepted(
    raw_server: Callable[..., Any], make_provider: MakeProvider, submission: Submission
) -> None:
    server = raw_server(answer=b"this is no handshake")
    with pytest.raises(NotAccepted) as refused:
        make_provider(server.url.replace("http://", "https://")).submit(submission)
    assert refused.value.failure.retryable
    assert server.connections == 1


class Wire:
    """A wire that answers 200 with nothing, or breaks in a way that no wire promises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.calls: list[Request] = []

    def call(self, request: Request, *, timeout: float) -> Reply:
        assert timeout > 0
        self.calls.append(request)
        if self.error is not None:
            raise self.error
        return Reply(200, {}, b"{}")


def test_a_second_request_of_one_call_is_stopped() -> None:
    wire = Wire()
    shot = OneShot(wire, Queue("http://127.0.0.1:1/fal/queue"), "sandbox", 5.0)
    shot.request("POST", "https://queue.fal.run/fal-ai/flux/dev", json={})
    with pytest.raises(OutcomeUnknown, match="again"):
        shot.request("POST", "https://queue.fal.run/fal-ai/flux/dev", json={})
    assert len(wire.calls) == 1


def test_an_unforeseen_error_of_the_wire_leaves_the_outcome_unknown(submission: Submission) -> None:
    wire = Wire(ValueError("of no known kind"))
    provider = FalProvider("sandbox", "http://127.0.0.1:1", "http://127.0.0.1:1", wire=wire)
    with pytest.raises(OutcomeUnknown):
        provider.submit(submission)
    assert len(wire.calls) == 1
