"""The application as a server starts it."""

import sys
from pathlib import Path

import httpx

from cli.stack.child import Program
from cli.stack.ports import free_port
from services.runtime import Runtime
from tests.support.running import running


def test_a_server_makes_it_from_the_environment(runtime: Runtime, tmp_path: Path) -> None:
    port = free_port()
    command = (sys.executable, "-m", "uvicorn", "--factory", "api.app:create", "--port", str(port))
    settings = {
        "DARKROOM_DATABASE_URL": runtime.database.url,
        "DARKROOM_REDIS_URL": "redis://127.0.0.1:1",
        "DARKROOM_SECRET_KEY": "a secret of the tests",
        "DARKROOM_DATA_DIR": str(tmp_path),
    }

    def answers() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=60, trust_env=False).is_success
        except httpx.TransportError:
            return False

    with running(Program("web", command, settings), answers, tmp_path):
        answer = httpx.get(f"http://127.0.0.1:{port}/v1/jobs", timeout=60, trust_env=False)
    assert answer.status_code == 401
