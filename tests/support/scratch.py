"""Where tests put their files: in memory, where there is room for them."""

import os
from pathlib import Path
from typing import Final

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - pytest makes a folder there that only its user can open
# Many times what a run needs, so that nothing else on the machine is short of memory.
_ROOM_BYTES: Final = 8 * 1024**3


def in_memory() -> Path | None:
    """A file system in memory that programs may be run from, with room enough; None where there is none."""
    if not _MEMORY.is_dir():
        return None
    system = os.statvfs(_MEMORY)
    room = system.f_bavail * system.f_frsize >= _ROOM_BYTES
    return _MEMORY if room and not system.f_flag & os.ST_NOEXEC else None
