"""`darkroom up`, as a process of its own."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.stack.trace import left_in
from tests.support.families import family, kill
from tests.support.programs import ROOT
from tests.support.until import until

_UP = """
import sys
from pathlib import Path
from cli.stack.foreground import run
from tests.support import apps
sys.exit(run(apps.settings_in(Path(sys.argv[1])), apps=eval(sys.argv[2], vars(apps))))
"""
_DEAF = 'dying("import signal; signal.signal(15, signal.SIG_IGN)\\nwhile 1: signal.pause()")'


@contextmanager
def up(folder: Path, apps: str, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    with output.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", _UP, folder, apps],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "output"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_says_where_everything_is_and_stops_cleanly(
    number: signal.Signals, tmp_path: Path, output: Path
) -> None:
    with up(tmp_path, "small()", output) as process:
        until(lambda: "API key" in output.read_text(), "the block of addresses", 60)
        process.send_signal(number)
        assert process.wait(60) == 0
    text = output.read_text()
    assert f"database   embedded  PostgreSQL in {tmp_path}/var/postgres" in text
    assert f"API key  {tmp_path}/var/api-key" in text
    assert f"(login: {tmp_path}/var/flower-auth)" in text
    assert "database system is shut down" in text
    assert text.endswith("darkroom  | stopped\n")
    assert "Traceback" not in text


def test_a_failing_step_ends_it_with_the_reason_last(tmp_path: Path, output: Path) -> None:
    with up(tmp_path, "failing(\"exit('schema too new')\")", output) as process:
        assert process.wait(60) == 1
    last = output.read_text().splitlines()[-2:]
    assert last == ["darkroom  |   schema too new", "darkroom  | error: migrate failed with exit code 1"]


def test_a_process_that_will_not_live_ends_it(tmp_path: Path, output: Path) -> None:
    with up(tmp_path, "dying(\"exit('no luck')\")", output) as process:
        assert process.wait(90) == 1
    text = output.read_text()
    assert "darkroom  |   no luck" in text
    assert "error: watcher died (exit code 1), for the 5th time in a row" in text


def test_a_second_signal_kills_what_does_not_stop(tmp_path: Path, output: Path) -> None:
    with up(tmp_path, _DEAF, output) as process:
        until(lambda: "API key" in output.read_text(), "the block of addresses", 60)
        process.send_signal(signal.SIGINT)
        until(lambda: "once more to kill" in output.read_text(), "the first signal's notice")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert "killing what is left" in output.read_text()


def test_after_a_kill_the_next_start_finds_a_free_folder_and_its_data(tmp_path: Path, output: Path) -> None:
    with up(tmp_path, "small()", output) as process:
        until(lambda: "API key" in output.read_text(), "the block of addresses", 60)
        process.kill()
        process.wait()
    with up(tmp_path, "small()", output) as process:
        until(lambda: "API key" in output.read_text(), "the second block of addresses", 60)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert "migrate   | start 2" in output.read_text()


def test_what_outlived_a_kill_of_the_reaper_too_is_ended_by_the_next_start(
    tmp_path: Path, output: Path
) -> None:
    with up(tmp_path, "small()", output) as process:
        until(lambda: "API key" in output.read_text(), "the block of addresses", 60)
        (reaper,) = (
            one
            for one in family(process.pid)
            if "cli.stack.reaper" in Path(f"/proc/{one}/cmdline").read_text()
        )
        kill(reaper, process.pid)
        process.wait()
    left = left_in(tmp_path / "var" / "running")
    assert {one.name for one in left} == {"postgres", "valkey", "web", "worker"}
    with up(tmp_path, "small()", output) as process:
        until(lambda: "API key" in output.read_text(), "the second block of addresses", 60)
        assert not {one.group for one in left} & {one.group for one in left_in(tmp_path / "var" / "running")}
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    text = output.read_text()
    assert "postgres was still running from an earlier start, and is ended" in text
    assert "migrate   | start 2" in text


def test_what_is_started_to_outlive_its_terminal_does(tmp_path: Path, output: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with up(tmp_path, "small()", output) as process:
            until(lambda: "API key" in output.read_text(), "the block of addresses", 60)
            process.send_signal(signal.SIGHUP)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
    finally:
        signal.signal(signal.SIGHUP, before)
    assert output.read_text().count("stopping") == 1
