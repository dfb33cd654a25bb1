"""A process and all that it has started, to be killed at once."""

import os
import signal
import subprocess
from contextlib import suppress


def family(process: int) -> list[int]:
    """The process and its descendants, as long as their parents live, whatever group they are in."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [(int(one), int(parent)) for one, parent in map(str.split, listed.splitlines())]
    found = [process]
    for known in found:
        found += [one for one, parent in pairs if parent == known]
    return found


def kill(*processes: int) -> None:
    """Do kill -9 to each."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
