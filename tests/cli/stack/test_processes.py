"""Which program a process runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.stack.processes import program_of
from tests.support.until import until


@pytest.fixture(params=["/proc", "/no such folder, so ps"])
def listed(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def test_it_is_named_without_its_folder_and_arguments(listed: Path) -> None:
    assert program_of(os.getpid(), listed) == Path(sys.executable).name


def test_the_dead_run_nothing_whether_collected_or_not(listed: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        until(lambda: program_of(process.pid, listed) == "", "the process's end")
        assert process.returncode is None
    assert program_of(process.pid, listed) == ""
    assert program_of(0) == ""
