"""A note on disk of each process that the stack started, locked for as long as the process lives."""

import fcntl
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from typing import TextIO

_OWNER_ONLY = 0o700


class Trace:
    """The note of one process.

    The lock belongs to the open file. The process inherits ``descriptor``, and so do those that it starts:
    the lock is theirs until the last of them has ended, also where the number is another's by then.
    """

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(mode=_OWNER_ONLY, exist_ok=True)
        self.descriptor, path = mkstemp(prefix=f"{name}.", dir=folder)
        self._path = Path(path)
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)

    def hand_over(self, group: int, stop_signal: signal.Signals) -> None:
        """Note who it is about; from here on the lock is only the process's own."""
        os.write(self.descriptor, f"{group} {int(stop_signal)}".encode("ascii"))
        os.close(self.descriptor)

    def drop(self) -> None:
        """Forget about it: the process could not be started."""
        os.close(self.descriptor)
        self.remove()

    def remove(self) -> None:
        """Forget about it: the process has ended."""
        self._path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Left:
    """A process, or what is left of its group, that still runs."""

    name: str
    group: int
    stop_signal: signal.Signals


def left_in(folder: Path) -> list[Left]:
    """What still runs of that which is noted in ``folder``, the oldest first; the other notes are removed."""
    notes = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns) if folder.exists() else []
    return [left for path in notes for left in _left(path)]


def try_lock(file: TextIO) -> bool:
    """Lock an open file, unless somebody else holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _left(path: Path) -> Iterator[Left]:
    with path.open(encoding="ascii") as file:
        if try_lock(file):
            path.unlink()
            return
        words = file.read().split()
    # Whoever was killed before it had noted the number cannot be named, and so not be ended.
    if len(words) == 2:  # noqa: PLR2004 - the group and its signal
        yield Left(path.name.partition(".")[0], int(words[0]), signal.Signals(int(words[1])))
