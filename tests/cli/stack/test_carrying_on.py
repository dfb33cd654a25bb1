"""`darkroom up` after kill -9 of everything in the middle of the work: it goes on by itself."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from cli.stack.ports import free_port, listening
from cli.stack.postgres import Cluster
from tests.support.families import family, kill
from tests.support.postgres import plain
from tests.support.programs import ROOT
from tests.support.until import until

_UP = "from cli.main import main; main(['up'])"
_JOBS = (
    ("flux-dev", "fal"),
    ("flux-schnell", "fal"),
    ("kling-v3", "fal"),
    ("seedream-4.5", "linkmodel"),
    ("seedream-4.0", "linkmodel"),
    ("kling-v3", "linkmodel"),
)
_OPEN = {"queued", "submitting", "running", "storing"}
_LEDGER = """
SELECT attempts.provider_request_id, sum(ledger_entries.nano)::bigint
FROM ledger_entries JOIN attempts ON attempts.id = ledger_entries.attempt_id
WHERE ledger_entries.kind IN ('settle', 'adjust') GROUP BY 1
"""


class Darkroom:
    """The whole stack in a data folder; every start has the same ports, as one's own settings would."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._port = free_port()
        ours = ("COV", "DARKROOM_", "AWS_", "FAL_", "LINKMODEL_")
        self._environment = {name: text for name, text in os.environ.items() if not name.startswith(ours)} | {
            "DARKROOM_DATA_DIR": str(data),
            "DARKROOM_PORT": str(self._port),
            "DARKROOM_FLOWER_PORT": str(free_port()),
            # Long enough to be under way when it is killed, and to end after the next start or before it.
            "DARKROOM_SANDBOX_IMAGE_SECONDS": "6",
            "DARKROOM_SANDBOX_VIDEO_SECONDS": "25",
        }

    @contextmanager
    def up(self) -> Iterator[int]:
        """From when it answers to the end of the block, where it is killed with all that it started."""
        log = self.data.with_name("output")
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", _UP],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        with ExitStack() as stack:
            stack.callback(process.wait)
            stack.callback(lambda: kill(*family(process.pid)))
            until(lambda: "API key" in log.read_text() or process.poll() is not None, "the start", 120)
            assert process.poll() is None, log.read_text()
            yield process.pid

    def client(self) -> httpx.Client:
        key = (self.data / "api-key").read_text().strip()
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self._port}",
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
            trust_env=False,
        )

    def invoice(self) -> dict[str, int]:
        """What the sandbox charges, by request id."""
        url = json.loads((self.data / "stack.json").read_text())["sandbox_url"]
        lines = httpx.get(f"{url}/control/invoice", timeout=60, trust_env=False).json()["lines"]
        return {line["request_id"]: line["nano_usd"] for line in lines}

    def ledger(self) -> dict[str, int]:
        """What Darkroom has booked, by request id."""
        with psycopg.connect(plain(Cluster.at(self.data / "postgres").url())) as connection:
            return dict(connection.execute(_LEDGER).fetchall())

    def ports(self) -> list[int]:
        return [self._port, int((self.data / "sandbox" / "port").read_text())]


def submit(client: httpx.Client) -> None:
    for number, (model, provider) in enumerate(_JOBS):
        job = {
            "model": model,
            "input": {"prompt": f"kite {number}"},
            "routing": {"provider": provider, "fallback": False},
        }
        client.post("/v1/jobs", json=job).raise_for_status()


def jobs(client: httpx.Client) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = client.get("/v1/jobs").raise_for_status().json()["data"]
    return listed


def statuses(client: httpx.Client) -> Counter[str]:
    return Counter(job["status"] for job in jobs(client))


@pytest.mark.timeout(400)
def test_everything_killed_in_the_middle_goes_on_after_the_next_start(tmp_path: Path) -> None:
    darkroom = Darkroom(tmp_path / "var")
    with darkroom.up(), darkroom.client() as client:
        submit(client)
        until(lambda: statuses(client) == {"running": len(_JOBS)}, "the start of every job", 60)
        ports = darkroom.ports()
    until(lambda: not any(listening(port) for port in ports), "the end of everything")

    with darkroom.up(), darkroom.client() as client:
        assert darkroom.ports() == ports
        until(lambda: not statuses(client).keys() & _OPEN, "the end of every job", 120)
        assert statuses(client) == {"succeeded": len(_JOBS)}
        assert [len(job["attempts"]) for job in jobs(client)] == [1] * len(_JOBS)
        assert darkroom.ledger() == darkroom.invoice()
        assert len(darkroom.invoice()) == len(_JOBS)
        for job in jobs(client):
            stored = client.get(job["assets"][0]["url"], follow_redirects=True).raise_for_status()
            assert len(stored.content) == job["assets"][0]["bytes"]
