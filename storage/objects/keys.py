"""The names under which objects are stored."""

import re
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", re.ASCII)
_LONGEST: Final = 512


def object_key(project: str, created_at: datetime, job_id: UUID | str, n: int, extension: str) -> str:
    """``project/yyyy/mm/dd/job/n.ext``, the day in UTC; raises ValueError for a part that does not fit."""
    day = created_at.astimezone(UTC)
    return check_key(f"{project}/{day:%Y/%m/%d}/{job_id}/{n}.{extension}", segments=6)


def check_key(key: str, *, segments: int | None = None) -> str:
    """``key``, or ValueError: letters, digits and ``. _ -`` between slashes, no segment begins with a dot.

    So no key leaves its directory, hides in it, or needs escaping in a URL.
    """
    parts = key.split("/")
    well_formed = len(key) <= _LONGEST and all(_SEGMENT.fullmatch(part) for part in parts)
    if not well_formed or len(parts) != (segments or len(parts)):
        raise ValueError(f"not an object key: {key!r}")
    return key
