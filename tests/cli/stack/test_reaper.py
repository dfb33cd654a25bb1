"""No process outlives a supervisor that was killed."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from cli.stack.child import Child
from cli.stack.console import Console
from cli.stack.reaper import Reaper, end, noted
from tests.support.programs import ROOT, deaf, waiting
from tests.support.until import until

_SUPERVISOR = """
import io, os, signal, sys
from pathlib import Path
from cli.stack.child import Child
from cli.stack.console import Console
from cli.stack.reaper import Reaper
from tests.support.programs import deaf, waiting
reaper = Reaper(grace_seconds=1)
for program in (waiting(), deaf()):
    child = Child(program, os.environ, Console(io.StringIO()), Path(sys.argv[1]))
    reaper.watch(child)
    print(child.group, flush=True)
signal.pause()
"""


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_supervisor_takes_its_processes_with_it(tmp_path: Path) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", _SUPERVISOR, tmp_path], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert supervisor.stdout is not None
    groups = [int(supervisor.stdout.readline()) for _ in range(2)]
    until(lambda: "deaf" in (tmp_path / "deaf.log").read_text(), "the start of the deaf one")
    assert all(alive(group) for group in groups)
    supervisor.kill()
    supervisor.communicate()
    until(lambda: not any(alive(group) for group in groups), "the end of both", seconds=60)


def test_what_was_stopped_in_order_is_left_alone(tmp_path: Path) -> None:
    reaper = Reaper(grace_seconds=0.5)
    stopped, kept = (Child(waiting(), os.environ, Console(io.StringIO()), tmp_path) for _ in range(2))
    reaper.watch(stopped)
    reaper.forget(stopped)
    reaper.watch(kept)
    reaper.close()
    assert kept.wait(60)
    assert stopped.poll() is None
    for child in (stopped, kept):
        child.clear()


def test_a_reaper_that_was_killed_stops_nothing(tmp_path: Path) -> None:
    reaper = Reaper()
    child = Child(waiting(), os.environ, Console(io.StringIO()), tmp_path)
    os.kill(reaper.process_id, signal.SIGKILL)
    until(lambda: not alive(reaper.process_id) or _is_dead(reaper.process_id), "the reaper's end")
    reaper.watch(child)
    reaper.forget(child)
    reaper.close()
    assert child.poll() is None
    child.clear()


def _is_dead(process: int) -> bool:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_each_group_is_asked_by_its_own_signal_then_killed(tmp_path: Path) -> None:
    children = [
        Child(program, os.environ, Console(io.StringIO()), tmp_path) for program in (waiting(), deaf())
    ]
    until(lambda: children[1].last_lines, "the start of the deaf one")
    end({child.group: signal.SIGTERM for child in children}, grace_seconds=0.5)
    assert [child.wait(60) for child in children] == [True, True]
    assert [child.poll() for child in children] == [-signal.SIGTERM, -signal.SIGKILL]
    for child in children:
        child.clear()


@given(st.lists(st.tuples(st.booleans(), st.integers(min_value=1, max_value=5))))
def test_what_is_noted_last_of_a_group_counts(notes: list[tuple[bool, int]]) -> None:
    lines = [f"+{group} 15\n" if started else f"-{group}\n" for started, group in notes]
    last = {group: started for started, group in notes}
    assert set(noted(lines)) == {group for group, started in last.items() if started}
