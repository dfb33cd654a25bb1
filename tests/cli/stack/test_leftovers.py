"""What a killed stack left running is found and ended, also when nobody was left to end it."""

import fcntl
import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.stack.child import Child, Program
from cli.stack.console import Console
from cli.stack.failures import StackError
from cli.stack.leftovers import end_leftovers
from cli.stack.trace import left_in
from tests.support.families import kill
from tests.support.programs import ROOT, python, waiting
from tests.support.until import until

# Starts its programs and is gone at once, as if it had been killed together with its reaper.
_SUPERVISOR = """
import io, os, sys
from pathlib import Path
from cli.stack.child import Child
from cli.stack.console import Console
from tests.support import programs
from tests.support.until import until
folder = Path(sys.argv[1])
for name in sys.argv[2:]:
    child = Child(getattr(programs, name)(), os.environ, Console(io.StringIO()), folder, folder / "running")
    until(lambda: child.last_lines or name != "deaf", "its first line")
    print(child.group, flush=True)
os._exit(0)
"""
# Its own group ends when it is told to; what it started has another, and holds on.
_ESCAPED = """
import os, signal, subprocess, sys
inner = "import signal; signal.pause()"
left = subprocess.Popen([sys.executable, "-c", inner], start_new_session=True, close_fds=False)
print(left.pid, flush=True)
signal.pause()
"""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "running"
    yield folder
    kill(*(one.group for one in left_in(folder)))


def leave(folder: Path, *names: str) -> list[int]:
    command = [sys.executable, "-c", _SUPERVISOR, str(folder), *names]
    told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    return [int(line) for line in told.splitlines()]


def start(program: Program, tmp_path: Path) -> Child:
    return Child(program, os.environ, Console(io.StringIO()), tmp_path, tmp_path / "running")


def test_what_runs_is_noted_with_its_signal_and_forgotten_when_it_has_ended(
    running: Path, tmp_path: Path
) -> None:
    program = waiting()
    child = start(Program("db", program.command, stop_signal=signal.SIGINT), tmp_path)
    (noted,) = left_in(running)
    assert (noted.name, noted.group, noted.stop_signal) == ("db", child.group, signal.SIGINT)
    child.clear()
    assert left_in(running) == []
    assert list(running.iterdir()) == []


def test_a_program_that_cannot_be_started_leaves_no_note(running: Path, tmp_path: Path) -> None:
    with pytest.raises(StackError, match="cannot be started"):
        start(Program("web", ("no-such-program",)), tmp_path)
    assert list(running.iterdir()) == []


def test_what_was_left_is_told_to_stop_and_killed_if_it_does_not(running: Path, tmp_path: Path) -> None:
    groups = leave(tmp_path, "waiting", "deaf")
    assert [one.group for one in left_in(running)] == groups
    assert end_leftovers(running, grace_seconds=0.2) == ("waiting", "deaf")
    assert list(running.iterdir()) == []


def test_where_nothing_was_left_nothing_is_ended(running: Path) -> None:
    assert end_leftovers(running) == ()
    running.mkdir()
    # Notes of processes that ended together with the one that noted them, and of one that was cut off.
    (running / "web.1").write_text(f"{os.getpgid(0)} 9")
    (running / "worker.1").touch()
    assert end_leftovers(running) == ()
    assert list(running.iterdir()) == []


def test_what_does_not_go_away_is_named(running: Path, tmp_path: Path) -> None:
    child = start(python("db", _ESCAPED), tmp_path)
    until(lambda: child.last_lines, "the escape")
    escaped = int(child.last_lines[0])
    try:
        with pytest.raises(StackError, match=rf"db \(process group {child.group}\); kill it"):
            end_leftovers(running, grace_seconds=0.2, patience_seconds=0.2)
    finally:
        kill(escaped)
    until(lambda: not left_in(running), "the end of the last one")
    child.clear()


def test_a_process_that_was_not_noted_yet_is_left_to_itself(running: Path) -> None:
    running.mkdir()
    note = running / "web.1"
    with note.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert end_leftovers(running) == ()
        assert note.exists()
