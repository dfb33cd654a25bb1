"""Debian's own Redis for tests: what many will name in DARKROOM_REDIS_URL."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.required import require
from tests.support.valkey import valkey_server


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """The URL of a new Redis under ``folder``."""
    binary = shutil.which("redis-server")
    require(binary, "redis-server (apt-get install redis-server)")
    with valkey_server(folder, Path(str(binary))) as url:
        yield url
