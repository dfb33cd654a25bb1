"""The sandbox as a process: ``python -m sandbox``."""

import signal
import socket
import subprocess
import sys
import time

import httpx


def test_it_runs_from_the_command_line_and_stops_when_told() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--seed", "1"]
    with subprocess.Popen(command) as process, httpx.Client(timeout=60, trust_env=False) as client:
        try:
            assert answer(client, f"http://127.0.0.1:{port}/control/health").json() == {"ok": True}
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(60) in {0, -signal.SIGINT, 130}


def answer(client: httpx.Client, url: str) -> httpx.Response:
    deadline = time.monotonic() + 60
    while True:
        try:
            return client.get(url)
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
