"""Attempts whose bill is still to come, found as their jobs end: behind a mark that steps over nothing."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlmodel import Session

from domain.billing import FIRST_LOOK

# Of unknown costs at whatever provider, where nobody can be asked.
UNKNOWN_COSTS: Final = "unknown costs"

_MARK: Final = text(
    "INSERT INTO billing_marks (name, done_to, failures) VALUES (:name, 0, 0) ON CONFLICT DO NOTHING"
)
_HOLD_MARK: Final = text("SELECT done_to FROM billing_marks WHERE name = :name FOR UPDATE SKIP LOCKED")
# What the sums of costs have passed is complete: no transaction writes an event behind it any more.
_NEXT: Final = text(
    """
    SELECT max(id) FROM (
        SELECT id FROM job_events
        WHERE id > :done_to AND id <= (SELECT done_to FROM cost_mark) ORDER BY id LIMIT :most) AS next
    """
)
_DONE: Final = text("UPDATE billing_marks SET done_to = :to WHERE name = :name")
# By their keys, whatever the planner thinks of how many there are.
_ENROL: Final = text(
    """
    WITH ended AS MATERIALIZED (
        SELECT DISTINCT job_id FROM job_events WHERE id > :done_to AND id <= :to
            AND type IN ('succeeded', 'failed', 'canceled', 'review', 'accepted_late', 'late_verdict'))
    INSERT INTO invoices (attempt_id, project_id, provider, next_at, looks, why, since)
    SELECT attempt.id, job.project_id, attempt.provider,
        CASE WHEN :ask
            THEN greatest(:now, COALESCE(attempt.detected_at, attempt.ended_at, :now) + :first) END,
        0, CASE WHEN attempt.cost_nano IS NULL THEN 'unknown' END,
        CASE WHEN attempt.cost_nano IS NULL THEN :now END
    FROM ended
    CROSS JOIN LATERAL (
        SELECT id, project_id, status, sandbox FROM jobs WHERE jobs.id = ended.job_id OFFSET 0) AS job
    CROSS JOIN LATERAL (
        SELECT * FROM attempts WHERE attempts.job_id = job.id AND attempts.invoiced_nano IS NULL OFFSET 0)
        AS attempt
    WHERE (attempt.status IN ('succeeded', 'failed', 'canceled') OR job.status = 'review')
        AND CASE WHEN :ask THEN attempt.provider = :name AND attempt.provider_request_id IS NOT NULL
                AND CASE WHEN :sandbox THEN attempt.sandbox OR job.sandbox ELSE NOT attempt.sandbox END
                AND attempt.submitted_at > :oldest
            ELSE attempt.cost_nano IS NULL END
    ORDER BY attempt.id
    ON CONFLICT (attempt_id) DO UPDATE SET
        next_at = COALESCE(invoices.next_at, CASE WHEN invoices.looks = 0 THEN excluded.next_at END),
        why = COALESCE(invoices.why, excluded.why), since = COALESCE(invoices.since, excluded.since)
    """
)
# What is older than a provider can be asked about, its answer would be no news.
_OLDEST: Final = timedelta(days=80)


def find(session: Session, name: str, now: datetime, *, sandbox: bool | None, most: int) -> bool:
    """Write down what is to be asked of provider ``name``, by the next ``most`` events of all timelines.

    For ``UNKNOWN_COSTS`` it is what is not known and nobody is asked about. ``sandbox`` says whether a
    sandbox stands in for the provider. False where there is nothing to do now; one does it at a time.
    """
    execute = session.connection().execute
    execute(_MARK, {"name": name})
    done_to = execute(_HOLD_MARK, {"name": name}).scalar_one_or_none()
    if done_to is None:
        return False
    to = execute(_NEXT, {"done_to": done_to, "most": most}).scalar_one()
    if to is None:
        return False
    given = {"done_to": done_to, "to": to, "name": name, "ask": name != UNKNOWN_COSTS}
    given |= {"now": now, "first": FIRST_LOOK, "oldest": now - _OLDEST, "sandbox": bool(sandbox)}
    execute(_ENROL, given)
    execute(_DONE, {"to": to, "name": name})
    return True
