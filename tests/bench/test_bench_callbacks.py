"""What callbacks are measured against: receivers that are dead in three ways, and one that is fast."""

import sys
from pathlib import Path

import httpx
import pytest

from bench.dead import dead
from cli.stack.child import Program
from cli.stack.ports import free_port, listening
from tests.support.running import running


def test_the_dead_never_answer_refuse_or_take_no_connection() -> None:
    with dead(10) as urls, httpx.Client(timeout=0.3, trust_env=False) as client:
        assert len({httpx.URL(url).host for url in urls}) == 10
        for url, trouble in zip(
            urls,
            2
            * [
                httpx.ReadTimeout,
                httpx.ReadTimeout,
                httpx.ConnectError,
                httpx.ConnectError,
                httpx.ConnectTimeout,
            ],
            strict=True,
        ):
            with pytest.raises(trouble):
                client.post(url, content=b"{}")


def test_the_fast_receiver_tells_what_has_arrived_since_it_was_asked_last(tmp_path: Path) -> None:
    port = free_port()
    receiver = Program("receiver", (sys.executable, "-m", "bench.receiver", str(port)))
    url = f"http://127.0.0.1:{port}/hook"
    with (
        running(receiver, lambda: listening(port), tmp_path),
        httpx.Client(timeout=60, trust_env=False) as client,
    ):
        for name in ("event-1", "event-2"):
            answer = client.post(url, content=b"x" * 100_000, headers={"webhook-id": name})
            assert answer.status_code == 204
        assert [name for name, _ in client.get(url).json()] == ["event-1", "event-2"]
        assert client.get(url).json() == []
