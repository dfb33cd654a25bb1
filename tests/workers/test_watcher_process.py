"""The watcher as a process of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.stack.child import Program
from storage.health import last_beat
from tests.support.engine import Engine
from tests.support.running import running
from tests.support.until import until

COMMAND = (sys.executable, "-m", "workers.watcher")


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_process_watches_until_it_is_told_to_stop(
    engine: Engine, database_url: str, tmp_path: Path, stop: signal.Signals
) -> None:
    extra = {
        "DARKROOM_DATABASE_URL": database_url,
        "DARKROOM_REDIS_URL": "redis://127.0.0.1:1",
        "DARKROOM_SECRET_KEY": "a secret of the tests",
        "DARKROOM_DATA_DIR": str(tmp_path),
    }
    program = Program("watcher", COMMAND, extra, stop)
    with running(
        program, lambda: last_beat(engine.runtime.database, "watcher") is not None, tmp_path / "logs"
    ) as child:
        child.ask_to_stop()
        until(lambda: child.poll() is not None, "its end")
        assert child.poll() == 0


def test_a_process_that_lacks_a_setting_says_which(tmp_path: Path) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_")}
    bare["PYTHONPATH"] = str(Path.cwd())
    done = subprocess.run(COMMAND, cwd=tmp_path, env=bare, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "DARKROOM_DATABASE_URL is not set" in done.stderr
