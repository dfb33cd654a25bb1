"""One stack per data folder: an advisory lock that names its holder."""

import os
import time
from pathlib import Path
from typing import TextIO

from cli.stack.failures import FolderInUse
from cli.stack.processes import program_of
from cli.stack.trace import try_lock

_LOOK_AGAIN_SECONDS = 0.1


class FolderLock:
    """An exclusive lock on a data folder.

    The lock belongs to the open file, so a process that inherits ``descriptor`` holds it too: the reaper of
    a killed stack keeps the folder closed until the last of its processes is gone.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    @classmethod
    def take(cls, path: Path, *, patience_seconds: float = 30.0) -> "FolderLock":
        """Take the lock; where its holder was killed, wait until what it left running has been ended.

        Raises:
            FolderInUse: a living stack holds it, or the rest of a killed one does not go away.
        """
        file = path.open("a+", encoding="utf-8")
        deadline = time.monotonic() + patience_seconds
        while not try_lock(file):
            holder = _holder(file)
            if program_of(holder) or time.monotonic() > deadline:
                file.close()
                raise FolderInUse(
                    f"{path.parent} is in use by process {holder}: stop that `darkroom up`, "
                    "or set DARKROOM_DATA_DIR to another folder"
                )
            time.sleep(_LOOK_AGAIN_SECONDS)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        return cls(file)

    @property
    def descriptor(self) -> int:
        """The open file that carries the lock, to be handed to the reaper."""
        return self._file.fileno()

    def release(self) -> None:
        """Give the folder free."""
        self._file.close()


def _holder(file: TextIO) -> int:
    file.seek(0)
    text = file.read()
    return int(text) if text.isdigit() else 0
