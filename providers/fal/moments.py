"""Moments as fal's platform writes them."""

from datetime import UTC, datetime


def moment(text: object) -> datetime | None:
    """What an answer says of a time, taken for UTC where it names no zone; None where it is no time."""
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def stamp(at: datetime) -> str:
    """ISO 8601 in UTC, as the platform's own examples write it (fal platform contract)."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
