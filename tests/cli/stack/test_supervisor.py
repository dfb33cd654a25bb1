"""Keeping processes running."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.stack.child import Program
from cli.stack.console import Console
from cli.stack.failures import StackError
from cli.stack.reaper import Reaper
from cli.stack.restarts import Restarts
from cli.stack.supervisor import Supervisor
from tests.support.programs import deaf, python, waiting
from tests.support.until import until


@pytest.fixture
def shown() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def supervisor(tmp_path: Path, shown: io.StringIO) -> Iterator[Supervisor]:
    reaper = Reaper()
    supervisor = Supervisor(
        os.environ, Console(shown), tmp_path / "logs", reaper, Restarts(first_delay_seconds=0.05)
    )
    yield supervisor
    supervisor.unwatch()
    supervisor.stop(supervisor.names, 5)
    reaper.close()


def test_a_step_that_fails_says_what_it_said_last(supervisor: Supervisor) -> None:
    with pytest.raises(StackError, match="migrate failed with exit code 3") as caught:
        supervisor.run_once(python("migrate", "print('no such table'); exit(3)"))
    assert caught.value.last_lines == ("no such table",)


def test_a_step_that_succeeds_is_over_when_it_returns(supervisor: Supervisor, shown: io.StringIO) -> None:
    supervisor.run_once(python("migrate", "print('done')"))
    assert shown.getvalue() == "migrate   | done\n"


def test_what_dies_is_started_again_and_that_is_said(
    supervisor: Supervisor, shown: io.StringIO, tmp_path: Path
) -> None:
    # Dies the first time, stays the second.
    source = (
        "import pathlib, signal, sys\n"
        "mark = pathlib.Path(sys.argv[1])\n"
        "if mark.exists(): print('back', flush=True); signal.pause()\n"
        "mark.touch(); exit(9)"
    )
    supervisor.keep(python("watcher", source, str(tmp_path / "mark")))
    supervisor.watch()
    until(lambda: "watcher   | back" in shown.getvalue(), "the second start")
    assert "watcher died (exit code 9); it is started again in 0.05 s" in shown.getvalue()
    supervisor.check(0)


def test_what_will_not_live_is_given_up_naming_it_and_its_last_words(supervisor: Supervisor) -> None:
    supervisor.keep(waiting("web"))
    supervisor.keep(python("watcher", "print('no database'); exit(1)"))
    supervisor.watch()
    with pytest.raises(
        StackError, match=r"watcher died \(exit code 1\), for the 5th time in a row"
    ) as caught:
        supervisor.check(60)
    assert caught.value.last_lines == ("no database",)


def test_a_program_that_vanished_is_given_up(supervisor: Supervisor, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\nrm "$0"\nexit 1\n')
    program.chmod(0o755)
    supervisor.keep(Program("web", (str(program),)))
    supervisor.watch()
    with pytest.raises(StackError, match="web cannot be started"):
        supervisor.check(20)


def test_stopping_goes_backwards_and_kills_what_is_deaf(supervisor: Supervisor, shown: io.StringIO) -> None:
    child = supervisor.keep(deaf())
    farewell = "import signal\nsignal.signal(signal.SIGTERM, lambda *_: exit(print('bye', flush=True)))\n"
    other = supervisor.keep(python("polite", f"{farewell}print('up', flush=True); signal.pause()"))
    until(lambda: child.last_lines and other.last_lines, "both starts")
    supervisor.stop(["deaf", "polite", "never started"], 0.5)
    lines = shown.getvalue().splitlines()
    assert lines.index("polite    | bye") < lines.index("darkroom  | deaf did not stop in time and is killed")
    assert supervisor.names == ()
