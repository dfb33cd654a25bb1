"""What a file itself costs: fetching, checking and storing the smallest picture there is."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from domain.lifecycle import Kind
from outbound.media import probe
from services.collect import SIDE_BY_SIDE
from services.runtime import Runtime

_FILES: Final = 200


def media_seconds(parts: Runtime, fake_url: str, folder: Path) -> float:
    """CPU seconds a file, by the same parts and calls as a worker makes them, and as many at a time."""
    _all(parts, fake_url, folder, 5)
    before = time.process_time()
    _all(parts, fake_url, folder, _FILES)
    return (time.process_time() - before) / _FILES


def _all(parts: Runtime, fake_url: str, folder: Path, count: int) -> None:
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        list(pool.map(partial(_one, parts, fake_url, folder), range(count)))


def _one(parts: Runtime, fake_url: str, folder: Path, number: int) -> None:
    path = folder / f"{number}"
    got = parts.downloader.fetch(f"{fake_url}/media/{number}.png", path)
    found = probe(path, Kind.IMAGE)
    parts.objects.put(f"bench/{number}.png", path, content_type=found.content_type, sha256=got.sha256)
    path.unlink(missing_ok=True)
