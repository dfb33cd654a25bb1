"""Query parameters that the Platform API's lists share: ids, a span of time, and a page."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from starlette.datastructures import QueryParams

_MOST_IDS: Final = 50
_PAGE: Final = 50
Item = TypeVar("Item")


class FilterError(ValueError):
    """A query parameter that the Platform API would answer 400 to."""


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start`` up to, but not including, ``end``."""

    start: datetime
    end: datetime

    def holds(self, at: datetime) -> bool:
        """Whether this time is in the span."""
        return self.start <= at < self.end


def ids(query: QueryParams, name: str) -> list[str]:
    """Ids given as ``name=a,b`` or ``name=a&name=b``.

    Raises:
        FilterError: more than fifty.
    """
    given = [part for value in query.getlist(name) for part in value.split(",") if part]
    if len(given) > _MOST_IDS:
        raise FilterError(f"{name}: at most {_MOST_IDS} ids, not {len(given)}")
    return given


def span(query: QueryParams, now: datetime) -> Span:
    """The span of ``start`` and ``end``: the last 24 hours where they are not given.

    Raises:
        FilterError: a time that is not ISO 8601.
    """
    # The end is exclusive, so what happened at this very instant needs an end just after it.
    end = _time(query, "end") or now + timedelta(microseconds=1)
    return Span(_time(query, "start") or now - timedelta(hours=24), end)


def page(items: Sequence[Item], query: QueryParams, most: int) -> tuple[Sequence[Item], dict[str, Any]]:
    """The items of the page that ``limit`` and ``cursor`` ask for, and the page's own fields.

    Raises:
        FilterError: a limit or a cursor that is none.
    """
    try:
        limit = int(query.get("limit", str(_PAGE)))
        start = int(base64.b64decode(query["cursor"])) if "cursor" in query else 0
    except ValueError as error:
        raise FilterError("limit must be a whole number and cursor one that was given out") from error
    if not 1 <= limit <= most or start < 0:
        raise FilterError(f"limit must be between 1 and {most}")
    more = start + limit < len(items)
    cursor = base64.b64encode(str(start + limit).encode()).decode() if more else None
    return items[start : start + limit], {"next_cursor": cursor, "has_more": more}


def _time(query: QueryParams, name: str) -> datetime | None:
    given = query.get(name)
    if given is None:
        return None
    try:
        time = datetime.fromisoformat(given)
    except ValueError as error:
        raise FilterError(f"{name} must be an ISO 8601 time, not {given!r}") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)
