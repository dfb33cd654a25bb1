"""The create call of LinkModel over lines that break: one POST each, whatever happens to the answer."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from domain.lifecycle import Kind
from providers.base import NotAccepted, OutcomeUnknown, Submission
from providers.linkmodel import LinkModelProvider
from tests.support.raw_server import read_request

KEY = "sk-test-0123456789abcdef"
CREATED = b'{"code":0,"data":{"task_id":"t","price":0.074},"msg":"success"}'
SUBMISSION = Submission("attempt", Kind.VIDEO, "kling-v3", {"prompt": "a kite"})


@contextmanager
def raw_server(reply: bytes | None) -> Iterator[tuple[str, list[bytes]]]:
    """A server that reads each request whole, sends ``reply`` and hangs up; None holds the line open."""
    heard: list[bytes] = []
    done = threading.Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve() -> None:
            while not done.is_set():
                connection, _ = listener.accept()
                with closing(connection):
                    heard.append(read_request(connection))
                    if reply is None:
                        done.wait(60)
                    elif not done.is_set():
                        connection.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
        finally:
            done.set()
            # Wakes the accept; it is no request of ours.
            socket.create_connection(listener.getsockname()).close()
            thread.join()


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + CREATED,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"not http at all\r\n\r\n",
    ],
    ids=["dropped", "half a head", "truncated", "half a chunk", "broken gzip", "garbage"],
)
def test_a_lost_answer_leaves_the_outcome_unknown_after_one_post(reply: bytes) -> None:
    with raw_server(reply) as (url, heard):
        with pytest.raises(OutcomeUnknown):
            LinkModelProvider(KEY, url).submit(SUBMISSION)
        assert [request[:4] for request in heard] == [b"POST"]


def test_a_late_answer_leaves_the_outcome_unknown_after_one_post() -> None:
    with raw_server(None) as (url, heard):
        with pytest.raises(OutcomeUnknown):
            LinkModelProvider(KEY, url, submit_timeout=0.2).submit(SUBMISSION)
        assert [request[:4] for request in heard] == [b"POST"]


def test_a_refused_connection_is_not_accepted_and_may_be_tried_again() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(NotAccepted) as caught:
        LinkModelProvider(KEY, f"http://127.0.0.1:{port}").submit(SUBMISSION)

    assert caught.value.failure.retryable
