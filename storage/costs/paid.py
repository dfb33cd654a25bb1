"""What succeeded jobs really cost and how long they took, for each way to run their models."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from domain.comparing import Paid

# A wait for a runner that is shorter than this is no start of one.
COLD_SECONDS: Final = 1
# Memory for sorting is bounded: what does not fit is sorted on disk.
_MEMORY: Final = text("SET LOCAL work_mem = '32MB'")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose jobs are compared: those of ``models`` that were asked for from one day to another, included.

    ``tag`` is a name and a value. None leaves out no job.
    """

    project_id: UUID
    models: Sequence[str]
    kind: str | None = None
    first: date | None = None
    last: date | None = None
    tag: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """One way that a model was run, and what came of it.

    ``p50_ms`` and ``p95_ms`` are from the submit to the stored file. Of ``told`` jobs it is known where their
    time went; ``cold`` of them waited for a runner.
    """

    model: str
    kind: str
    provider: str
    endpoint: str
    sandbox: bool
    paid: Paid
    p50_ms: int
    p95_ms: int
    told: int
    cold: int


def ways(session: Session, wanted: Wanted) -> list[Way]:
    """Every way that the models were run with success; exact, in one statement.

    What the catalogue alone expected was never paid: such a cost counts as not known.
    """
    tag_name, tag_value = wanted.tag or (None, None)
    given = {
        "project": wanted.project_id,
        "models": list(wanted.models),
        "kind": wanted.kind,
        "first": wanted.first,
        "last": wanted.last,
        "tag_name": tag_name,
        "tag_value": tag_value,
    }
    given = {name: value for name, value in given.items() if value is not None}
    connection = session.connection()
    connection.execute(_MEMORY)
    return [_way(tuple(row)) for row in connection.execute(text(_statement(given)), given)]


def _statement(given: dict[str, object]) -> str:
    # As costs and budgets count days: when it was asked for, let out of its batch, or asked for again.
    day = "CAST(timezone('UTC', COALESCE(jobs.budgeted_at, jobs.created_at)) AS date)"
    conditions = {
        "kind": "jobs.kind = :kind",
        "first": f"{day} >= :first",
        "last": f"{day} <= :last",
        "tag_name": "jobs.tags ->> CAST(:tag_name AS text) = :tag_value",
    }
    more = "".join(f" AND {condition}" for name, condition in conditions.items() if name in given)
    return f"""
        WITH done AS (
            SELECT jobs.model, jobs.kind, attempts.provider, attempts.endpoint, attempts.sandbox,
                CASE WHEN attempts.cost_basis <> 'catalogue' THEN attempts.cost_nano END AS nano,
                attempts.cost_final,
                CAST(round(extract(epoch FROM GREATEST(
                    jobs.ended_at - attempts.submitted_at, interval '0')) * 1000) AS bigint) AS ms,
                attempts.phases ->> 'cold_start' AS waited,
                attempts.phases <> '{{}}' AS told
            FROM jobs JOIN attempts ON attempts.job_id = jobs.id AND attempts.status = 'succeeded'
            WHERE jobs.project_id = :project AND jobs.status = 'succeeded'
                AND jobs.model = ANY(:models){more})
        SELECT model, kind, provider, endpoint, sandbox,
            count(nano), count(*) - count(nano), count(nano) FILTER (WHERE NOT cost_final),
            min(nano), percentile_disc(0.5) WITHIN GROUP (ORDER BY nano), max(nano),
            COALESCE(sum(nano), 0), COALESCE(sum(CAST(nano AS numeric) * nano), 0),
            percentile_disc(0.5) WITHIN GROUP (ORDER BY ms), percentile_disc(0.95) WITHIN GROUP (ORDER BY ms),
            count(*) FILTER (WHERE told),
            count(*) FILTER (WHERE CAST(waited AS numeric) >= {COLD_SECONDS})
        FROM done GROUP BY model, kind, provider, endpoint, sandbox
        ORDER BY model, kind, provider, endpoint, sandbox
    """  # noqa: S608 - made of constants; every value is a parameter


def _way(row: tuple[Any, ...]) -> Way:
    # Sums may be wider than 64 bits, and come as decimals.
    n, unknown, not_final, minimum, median, maximum, total, squares = row[5:13]
    found = Paid(n, unknown, not_final, minimum, median, maximum, int(total), int(squares))
    model, kind, provider, endpoint, sandbox = row[:5]
    p50, p95, told, cold = row[13:]
    return Way(model, kind, provider, endpoint, sandbox, found, p50, p95, told, cold)
