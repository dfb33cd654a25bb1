"""Hearing of a running request by webhook: its job comes due at once, in one statement."""

from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlmodel import Session

from storage.agenda import WAKE_CHANNEL

_HEAR: Final = text(
    """
    WITH told AS (
        SELECT job_id, endpoint FROM attempts
        WHERE token = :token AND provider = :provider AND provider_request_id = :request_id
            AND status IN ('running', 'unknown')
    ), due AS (
        UPDATE agenda SET owner = NULL, next_at = :now FROM told
        WHERE agenda.job_id = told.job_id AND agenda.status IN ('running', 'review')
        RETURNING agenda.job_id
    )
    SELECT told.endpoint, pg_notify(:channel, '') FROM told JOIN due ON due.job_id = told.job_id
    """
)


def hear(session: Session, *, provider: str, token: str, request_id: str, now: datetime) -> str | None:
    """Have the job of a running attempt looked at now; answers its endpoint.

    None where the token, the request or where they stand is anything but what was to be expected.
    """
    given = {"provider": provider, "token": token, "request_id": request_id, "now": now}
    row = session.connection().execute(_HEAR, given | {"channel": WAKE_CHANNEL}).one_or_none()
    return None if row is None else str(row.endpoint)
