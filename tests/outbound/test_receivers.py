"""The receivers of docs/callbacks.md, run as they stand on the page, take what is signed and nothing else."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from outbound.addresses import PrivateHosts
from outbound.callbacks import Sender, new_secret, sign

PAGE = Path(__file__).parents[2] / "docs" / "callbacks.md"
RUNNERS = {"python": ([sys.executable, "-u"], "py"), "js": (["node"], "cjs")}


@contextmanager
def receiver(language: str, secret: str, folder: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The receiver in that language, and the address at which it listens."""
    [code] = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    command, suffix = RUNNERS[language]
    script = folder / f"receiver.{suffix}"
    script.write_text(code)
    with subprocess.Popen(
        [*command, str(script), secret, "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().split()[1]
            yield f"http://127.0.0.1:{port}/", process
        finally:
            process.kill()


@pytest.mark.parametrize("language", RUNNERS)
def test_a_receiver_takes_what_is_signed_and_nothing_else(language: str, tmp_path: Path) -> None:
    secret, other, now = new_secret(), new_secret(), datetime.now(UTC)
    body = '{"type": "job.succeeded", "data": {"prompt": "Ä 🪁"}}'.encode()
    sender = Sender(PrivateHosts.parse("127.0.0.1"))
    with receiver(language, secret, tmp_path) as (url, process):
        good = sign([other, secret], "event-1", now, body)
        assert sender.post(url, body, good).status == 204
        assert process.stdout is not None
        assert process.stdout.readline().split() == ["job.succeeded", "event-1"]
        assert sender.post(url, body, sign([other], "event-1", now, body)).status == 401
        assert sender.post(url, body + b" ", good).status == 401
        assert sender.post(url, body, good | {"webhook-id": "event-2"}).status == 401
        stale = now - timedelta(minutes=10)
        assert sender.post(url, body, sign([secret], "event-1", stale, body)).status == 401
