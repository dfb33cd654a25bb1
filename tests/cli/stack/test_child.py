"""One process of the stack."""

import io
import os
import signal
import sys
from pathlib import Path

import pytest

from cli.stack.child import Child, Program
from cli.stack.console import Console
from cli.stack.failures import StackError
from tests.support.programs import deaf, python, waiting
from tests.support.until import until


def start(program: Program, logs: Path, shown: io.StringIO | None = None) -> Child:
    return Child(program, os.environ, Console(shown or io.StringIO()), logs)


def test_its_lines_are_shown_logged_and_the_last_ones_kept(tmp_path: Path) -> None:
    shown = io.StringIO()
    child = start(python("worker", "for n in range(30): print('line', n)"), tmp_path, shown)
    assert child.wait(60)
    child.clear()
    assert "worker    | line 0\n" in shown.getvalue()
    assert (tmp_path / "worker.log").read_text().splitlines()[-1] == "line 29"
    assert child.last_lines == tuple(f"line {number}" for number in range(10, 30))


def test_what_it_says_on_its_error_stream_and_in_no_encoding_is_kept_too(tmp_path: Path) -> None:
    child = start(python("web", "import sys; sys.stderr.buffer.write(b'\\xff broken\\n')"), tmp_path)
    assert child.wait(60)
    child.clear()
    assert child.last_lines == ("\ufffd broken",)


def test_it_reads_no_input_and_knows_what_it_is_told(tmp_path: Path) -> None:
    source = "import os, sys; print(repr(sys.stdin.read()), os.environ['TOLD'])"
    child = start(Program("web", (sys.executable, "-c", source), {"TOLD": "so"}), tmp_path)
    assert child.wait(60)
    child.clear()
    assert child.last_lines == ("'' so",)


def test_a_ctrl_c_of_the_terminal_does_not_reach_it(tmp_path: Path) -> None:
    child = start(waiting(), tmp_path)
    assert os.getpgid(child.group) == child.group != os.getpgid(0)
    assert os.getsid(child.group) == child.group
    child.clear()


def test_it_ends_on_its_own_signal(tmp_path: Path) -> None:
    source = (
        "import signal; signal.signal(signal.SIGINT, lambda *_: exit(7))\n"
        "print('up', flush=True); signal.pause()"
    )
    child = start(Program("db", (sys.executable, "-c", source), stop_signal=signal.SIGINT), tmp_path)
    until(lambda: child.last_lines, "the program's start")
    child.ask_to_stop()
    assert child.wait(60)
    assert child.poll() == 7
    child.ask_to_stop()
    child.clear()


def test_clearing_ends_all_that_it_started(tmp_path: Path) -> None:
    source = (
        "import subprocess, sys, signal\n"
        "inner = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
        "print(inner.pid, flush=True); signal.pause()"
    )
    child = start(python("worker", source), tmp_path)
    until(lambda: child.last_lines, "the inner process")
    inner = int(child.last_lines[0])
    child.clear()
    child.clear()
    until(lambda: gone(inner), "the end of the inner process")


def test_what_does_not_stop_in_time_is_said_not_to(tmp_path: Path) -> None:
    child = start(deaf(), tmp_path)
    until(lambda: child.last_lines, "the program's start")
    child.ask_to_stop()
    assert not child.wait(0)
    child.clear()
    assert child.poll() == -signal.SIGKILL


def test_a_command_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="web cannot be started: no-such-program: No such file"):
        start(Program("web", ("no-such-program",)), tmp_path)


def gone(process: int) -> bool:
    """Dead, even if nobody has collected it yet."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
