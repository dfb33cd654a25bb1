"""Waiting gives up when nobody answers for too long; the job goes on."""

import pytest

from cli.client import Client
from cli.connection import Connection
from cli.errors import Unreachable
from cli.output import Output
from cli.stack.ports import free_port
from cli.waiting import wait_for_end


def test_waiting_gives_up_and_says_how_to_go_on() -> None:
    job = {"id": "0199aa00", "status": "running", "provider": "fal"}
    nobody = Connection(f"http://127.0.0.1:{free_port()}", "dk_test", "a test")
    with Client(nobody) as client, pytest.raises(Unreachable, match="`darkroom jobs show 0199aa00`"):
        wait_for_end(client, job, Output(), away_seconds=0)
