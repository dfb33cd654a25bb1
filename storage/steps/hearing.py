"""Hearing of running requests by webhook: their jobs come due at once, many in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from storage.agenda import WAKE_CHANNEL
from storage.intake import Connection

# A row that somebody holds is left out: to wait for it while holding others could deadlock.
_HEAR: Final = """
WITH told AS MATERIALIZED (
    SELECT heard.n, attempts.job_id, attempts.endpoint
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS heard (provider, token, request_id, n)
    JOIN attempts ON attempts.token = heard.token
    WHERE attempts.provider = heard.provider AND attempts.provider_request_id = heard.request_id
        AND attempts.status IN ('running', 'unknown')
), held AS MATERIALIZED (
    SELECT job_id FROM agenda
    WHERE job_id = ANY(ARRAY(SELECT job_id FROM told)) AND status IN ('running', 'review')
    FOR UPDATE SKIP LOCKED
), due AS (
    UPDATE agenda SET owner = NULL, next_at = $4
    WHERE job_id = ANY(ARRAY(SELECT job_id FROM held))
    RETURNING job_id
)
SELECT told.n, told.endpoint, pg_notify($5, '') FROM told JOIN due USING (job_id)
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a genuine webhook tells, and when it came: of which request, under which attempt's token."""

    provider: str
    token: str
    request_id: str
    at: datetime


async def hear(connection: Connection, heard: Sequence[Heard]) -> list[str | None]:
    """Have the jobs of running attempts looked at now, all in one commit; the endpoint of each.

    None where the token, the request or where they stand is anything but what was to be expected, or where
    somebody is at work on the job this very moment.
    """
    providers = [one.provider for one in heard]
    tokens = [one.token for one in heard]
    requests = [one.request_id for one in heard]
    now = min(one.at for one in heard)
    rows = await connection.fetch(_HEAR, providers, tokens, requests, now, WAKE_CHANNEL)
    endpoints: dict[int, str] = {row["n"]: row["endpoint"] for row in rows}
    return [endpoints.get(n) for n in range(1, len(heard) + 1)]
