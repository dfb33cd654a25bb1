"""One stack per data folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.stack.failures import FolderInUse
from cli.stack.lock import FolderLock
from tests.support.until import until

_HOLD = """
import signal, sys
from pathlib import Path
from cli.stack.lock import FolderLock
held = FolderLock.take(Path(sys.argv[1]))
print("held", flush=True)
signal.pause()
"""
# Ends at once and leaves the lock to an heir, as a killed supervisor leaves it to the reaper.
_LEAVE = """
import subprocess, sys
from pathlib import Path
from cli.stack.lock import FolderLock
held = FolderLock.take(Path(sys.argv[1]))
heir = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], pass_fds=[held.descriptor])
print("left", flush=True)
"""


def test_a_second_taker_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, tmp_path / "lock"], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(FolderInUse, match=f"in use by process {holder.pid}: .*DARKROOM_DATA_DIR"):
        FolderLock.take(tmp_path / "lock")
    holder.kill()
    holder.communicate()
    FolderLock.take(tmp_path / "lock").release()


def test_what_a_killed_holder_left_running_is_waited_for(tmp_path: Path) -> None:
    leaver = subprocess.Popen(
        [sys.executable, "-c", _LEAVE, tmp_path / "lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert leaver.stdout is not None
    assert leaver.stdin is not None
    assert leaver.stdout.readline() == "left\n"
    leaver.wait()
    with pytest.raises(FolderInUse):
        FolderLock.take(tmp_path / "lock", patience_seconds=0.2)
    leaver.stdin.close()
    FolderLock.take(tmp_path / "lock").release()
    leaver.stdout.close()


def test_a_lock_file_without_a_number_names_nobody(tmp_path: Path) -> None:
    held = FolderLock.take(tmp_path / "lock")
    (tmp_path / "lock").write_text("")
    with pytest.raises(FolderInUse, match="in use by process 0"):
        FolderLock.take(tmp_path / "lock", patience_seconds=0)
    held.release()


def test_another_users_process_counts_as_alive(tmp_path: Path) -> None:
    # Whoever runs this, process 1 lives; unless they are root they may not even signal it.
    held = FolderLock.take(tmp_path / "lock")
    (tmp_path / "lock").write_text("1")
    with pytest.raises(FolderInUse, match="in use by process 1"):
        FolderLock.take(tmp_path / "lock")
    held.release()


def test_the_holder_writes_its_own_number(tmp_path: Path) -> None:
    held = FolderLock.take(tmp_path / "lock")
    until(lambda: (tmp_path / "lock").read_text() == str(os.getpid()), "the number in the lock")
    held.release()
