"""Reads the Retry-After header: seconds, or a date."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

_MOST_DIGITS: Final = 9


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """How long the other side asks us to wait, in seconds; None where it does not say, or not readably."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text) if len(text) <= _MOST_DIGITS else None
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    # A date in "-0000" is in UTC too, and comes without a zone.
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - (now or datetime.now(UTC))).total_seconds())
