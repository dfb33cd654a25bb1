"""Ends the stack's processes when the supervisor was killed and could not do it itself.

It reads the supervisor's notes from a pipe: ``+GROUP SIGNAL`` for a started process group, ``-GROUP`` for one
that ended. The pipe closes when the supervisor is gone, however it went; what is still noted is then ended.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

from cli.stack.child import Child

_LOOK_AGAIN_SECONDS = 0.1


class Reaper:
    """The supervisor's end of the pipe. The reaper holds on to ``keep_open`` until it is done."""

    def __init__(self, keep_open: Sequence[int] = (), grace_seconds: float = 8.0) -> None:
        reading, writing = os.pipe()
        self._notes = os.fdopen(writing, "w", encoding="ascii")
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            (sys.executable, "-m", "cli.stack.reaper", str(grace_seconds)),
            stdin=reading,
            stdout=subprocess.DEVNULL,
            pass_fds=keep_open,
            start_new_session=True,
        )
        os.close(reading)

    @property
    def process_id(self) -> int:
        """The reaper's own number."""
        return self._process.pid

    def watch(self, child: Child) -> None:
        """Note a process that must not outlive the supervisor."""
        self._note(f"+{child.group} {int(child.program.stop_signal)}")

    def forget(self, child: Child) -> None:
        """Note that a process has ended."""
        self._note(f"-{child.group}")

    def close(self) -> None:
        """End the reaper; whatever it still has noted ends with it."""
        with suppress(BrokenPipeError):
            self._notes.close()
        self._process.wait()

    def _note(self, line: str) -> None:
        # A reaper that was killed takes nothing with it: the stack goes on without this safety net.
        with suppress(BrokenPipeError):
            self._notes.write(f"{line}\n")
            self._notes.flush()


def noted(lines: Iterable[str]) -> dict[int, signal.Signals]:
    """The groups that are left, oldest first, each with the signal on which it ends by itself."""
    groups: dict[int, signal.Signals] = {}
    for line in lines:
        if line.startswith("+"):
            group, stop_signal = line[1:].split()
            groups[int(group)] = signal.Signals(int(stop_signal))
        else:
            groups.pop(int(line[1:]), None)
    return groups


def end(groups: dict[int, signal.Signals], grace_seconds: float) -> None:
    """Ask every group to stop, newest first; kill what is still there after the grace period."""
    for group, stop_signal in reversed(groups.items()):
        send(group, stop_signal)
    deadline = time.monotonic() + grace_seconds
    while any(send(group, 0) for group in groups) and time.monotonic() < deadline:
        time.sleep(_LOOK_AGAIN_SECONDS)
    for group in groups:
        send(group, signal.SIGKILL)


def send(group: int, number: int) -> bool:
    """Signal a process group; whether there is one."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        # Gone, or (on macOS) dead and not yet collected.
        return False
    return True


if __name__ == "__main__":
    end(noted(sys.stdin), float(sys.argv[1]))
