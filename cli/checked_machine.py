"""The doctor's look at the machine: Python, disk space, and whether its clock is right."""

import shutil
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

import httpx
import psycopg

from cli.diagnosis import Diagnosis, fail, ok, warn
from services.settings import Settings

_OLDEST: Final = (3, 11)
_GIGABYTE: Final = 1_000_000_000
_LITTLE: Final = 5 * _GIGABYTE
_TOO_LITTLE: Final = _GIGABYTE
_OFF_SECONDS: Final = 5.0
# Receivers refuse a signature that is five minutes off, stores one that is fifteen.
_FAR_OFF_SECONDS: Final = 120.0
_ASK_SECONDS: Final = 5.0


def python(version: tuple[int, int, int] = sys.version_info[:3]) -> Diagnosis:
    """Whether Python is new enough."""
    found = ".".join(map(str, version))
    if version >= _OLDEST:
        return ok("python", found)
    return fail("python", found, "install Python 3.11 or newer")


def disk(data_dir: Path, *, free: int | None = None) -> Diagnosis:
    """Whether files can be kept, and fetched through the temporary folder."""
    places = {_nearest(data_dir.expanduser().resolve()), Path(tempfile.gettempdir())}
    place, left = min(
        ((one, _free(one) if free is None else free) for one in places), key=lambda pair: pair[1]
    )
    found = f"{left / _GIGABYTE:.1f} GB are free for {place}"
    remedy = f"make room there: files pass through {place}"
    if left < _TOO_LITTLE:
        return fail("disk", found, remedy)
    return warn("disk", found, remedy) if left < _LITTLE else ok("disk", found)


def clock(settings: Settings) -> Diagnosis:
    """Whether this machine's time is that of the database and of the providers."""
    told = [*_database_time(settings.database_url), *_provider_times(settings)]
    if not told:
        return warn("clock", "nobody could be asked for the time", "see that this machine uses NTP")
    off = max(abs(seconds) for seconds in told)
    found = f"{off:.1f} s off, by {len(told)} other clock{'s' if len(told) > 1 else ''}"
    remedy = "set the clock (NTP): signatures are refused when it is minutes off"
    if off > _FAR_OFF_SECONDS:
        return fail("clock", found, remedy)
    return warn("clock", found, remedy) if off > _OFF_SECONDS else ok("clock", found)


def _nearest(path: Path) -> Path:
    return next(one for one in (path, *path.parents) if one.exists())


def _free(path: Path) -> int:
    return shutil.disk_usage(path).free


def _database_time(url: str | None) -> Iterable[float]:
    if url is None:
        return
    plain = url.replace("postgresql+psycopg://", "postgresql://", 1)
    try:
        with psycopg.connect(plain, connect_timeout=int(_ASK_SECONDS)) as connection:
            row = connection.execute("SELECT clock_timestamp()").fetchone()
    except psycopg.Error:
        return
    if row is not None:
        yield (datetime.now(UTC) - row[0]).total_seconds()


def _provider_times(settings: Settings) -> Iterable[float]:
    asked = {settings.fal_platform_url: settings.fal_key, settings.linkmodel_url: settings.linkmodel_api_key}
    for url in (url for url, key in asked.items() if key is not None):
        try:
            date = httpx.get(url, timeout=_ASK_SECONDS, trust_env=False).headers["Date"]
            # A date of HTTP is always in UTC (RFC 9110), whatever the parser makes of its zone.
            there = parsedate_to_datetime(date).replace(tzinfo=UTC)
            yield (datetime.now(UTC) - there).total_seconds()
        except (httpx.HTTPError, httpx.InvalidURL, KeyError, ValueError):
            continue
