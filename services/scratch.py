"""Room on the disk for files on their way: bounded in all, and cleared even after a killed worker."""

import fcntl
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_PREFIX: Final = "darkroom-files-"
_HELD: Final = "held"
# A folder that is younger may not be locked yet by the process that has just made it.
_SETTLED_SECONDS: Final = 60.0
# For all files of a process together: more than the largest single one may have.
MAX_BYTES: Final = 8 * 1024**3

_swept: Final = threading.Event()


class NoRoom(Exception):  # noqa: N818 - names the fact
    """The files that are on their way take all the room that there is: this one has to come later."""


class Room:
    """Counts the bytes of files that lie on the disk at the same time."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._files: dict[Path, int] = {}
        self._lock = threading.Lock()

    def grow(self, path: Path, size: int) -> None:
        """Note that ``path`` has ``size`` bytes by now; raises NoRoom when that is too much with the others.

        A file that is alone always has room.
        """
        with self._lock:
            self._files[path] = size
            if len(self._files) > 1 and sum(self._files.values()) > self._max_bytes:
                raise NoRoom(f"the files on their way take more than {self._max_bytes} bytes")

    def free(self, path: Path) -> None:
        """Note that ``path`` is gone."""
        with self._lock:
            self._files.pop(path, None)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone with the block, or once another process finds that nobody holds it any more."""
    if not _swept.is_set():
        _swept.set()
        sweep(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with (folder / _HELD).open("wb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield folder


def sweep(place: Path) -> None:
    """Remove the folders under ``place`` whose process is gone: its lock ended with it."""
    for folder in place.glob(f"{_PREFIX}*"):
        # Another's folder, or one that is just being removed by whoever made it, is none of ours.
        with suppress(OSError), (folder / _HELD).open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - (folder / _HELD).stat().st_mtime > _SETTLED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
