"""Room for files on their way: bounded, and cleared by whoever comes after a process that was killed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from services.scratch import NoRoom, Room, scratch, sweep

HOLD = """
import sys
from services.scratch import scratch
with scratch() as folder:
    (folder / "file").write_bytes(b"half a film")
    print(folder, flush=True)
    sys.stdin.read()
"""


def aged(folder: Path) -> None:
    """Make ``folder`` look as if it had been made two minutes ago."""
    then = time.time() - 120
    os.utime(folder / "held", (then, then))


def test_a_folder_is_gone_with_its_work() -> None:
    with scratch() as folder:
        (folder / "file").write_bytes(b"x")
    assert not folder.exists()


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_holds_is_not(tmp_path: Path) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        aged(folder)
        sweep(tmp_path)
        assert (folder / "file").exists()
        process.kill()
        process.wait()
    sweep(tmp_path)
    assert not folder.exists()


def test_a_folder_that_is_just_being_made_is_left_alone(tmp_path: Path) -> None:
    fresh = tmp_path / "darkroom-files-fresh"
    fresh.mkdir()
    sweep(tmp_path)
    (fresh / "held").touch()
    sweep(tmp_path)
    assert fresh.exists()


def test_files_share_the_room_and_one_alone_always_has_some() -> None:
    room, one, other = Room(10), Path("one"), Path("other")
    room.grow(one, 11)
    with pytest.raises(NoRoom, match="more than 10 bytes"):
        room.grow(other, 1)
    room.free(other)
    room.free(one)
    room.grow(other, 4)
    room.grow(one, 6)
