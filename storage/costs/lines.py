"""What a job comes to at this moment, as lines of sums: the one definition that all sums of costs share.

A job counts where it ran last, and holds there; what an attempt cost counts where the attempt was. A cost
that nobody knows counts at the last attempt of which it is not known.
"""

from typing import Final

MEASURES: Final = (
    *("jobs", "priced", "unknown", "not_final", "over_max", "invoiced"),
    *("held_nano", "spent_nano", "spin_up_nano", "invoiced_nano"),
)
DAY_KEYS: Final = (
    *("project_id", "day", "provider", "endpoint", "model", "kind", "status", "basis", "sandbox"),
)
TAG_KEYS: Final = (*DAY_KEYS, "batch_id", "tags")

_LINES: Final = """
    SELECT job.id AS job_id, job.project_id, job.day, line.provider, line.endpoint, job.model, job.kind,
        job.status, line.basis, job.sandbox, job.batch_id, job.tags, {measures}
    FROM {wanted} AS wanted (job_id)
    -- By their keys, whatever the planner thinks of how many there are.
    CROSS JOIN LATERAL (
        SELECT id, project_id, model, kind, status, sandbox, batch_id, tags, provider, endpoint,
            -- As budgets count: by when it was asked for, let out of its batch, or asked for again.
            CAST(timezone('UTC', COALESCE(budgeted_at, created_at)) AS date) AS day,
            CASE WHEN {ceiling} ~ '{number}' THEN CAST({ceiling} AS numeric) * 1000000000 END AS most,
            status IN ('succeeded', 'failed', 'canceled', 'review') AS ended
        FROM jobs WHERE jobs.id = wanted.job_id AND {of_project} OFFSET 0) AS job
    CROSS JOIN LATERAL (
        WITH entry AS MATERIALIZED (
            SELECT attempt_id, nano, ledger_entries.kind IN ('reserve', 'release') AS holds
            FROM ledger_entries WHERE ledger_entries.job_id = job.id),
        tried AS MATERIALIZED (
            SELECT number, attempts.provider, attempts.endpoint, cost_nano, cost_basis, cost_final,
                spin_up_nano, invoiced_nano,
                COALESCE((SELECT sum(nano) FROM entry WHERE attempt_id = attempts.id AND NOT holds), 0)
                    AS spent
            FROM attempts WHERE attempts.job_id = job.id),
        whole AS MATERIALIZED (
            SELECT count(*) AS tries, COALESCE(sum(spent), 0) AS spent,
                max(number) FILTER (WHERE cost_nano IS NULL) AS unknown_at,
                max(number) FILTER (WHERE NOT cost_final) AS not_final_at,
                (array_agg(cost_basis ORDER BY COALESCE(cost_nano, 0) <> 0 DESC, number DESC))[1] AS basis
            FROM tried)
        SELECT part.provider, part.endpoint, part.basis, {sums}
        FROM (
            SELECT job.provider, job.endpoint,
                CASE WHEN tries > 0 THEN CASE WHEN unknown_at IS NULL THEN whole.basis END
                    WHEN job.ended THEN 'not_billed' END AS basis,
                1 AS jobs, 0 AS priced, 0 AS unknown, 0 AS not_final,
                CAST(COALESCE(whole.spent > job.most, false) AS int) AS over_max, 0 AS invoiced,
                COALESCE((SELECT sum(nano) FROM entry WHERE holds), 0) AS held_nano,
                COALESCE((SELECT sum(nano) FROM entry WHERE NOT holds AND attempt_id IS NULL), 0)
                    AS spent_nano,
                0 AS spin_up_nano, 0 AS invoiced_nano
            FROM whole
            UNION ALL
            SELECT tried.provider, tried.endpoint, tried.cost_basis, 0, CAST(cost_nano IS NOT NULL AS int),
                CAST(job.ended AND number = COALESCE(unknown_at, 0) AS int),
                CAST(job.ended AND unknown_at IS NULL AND number = COALESCE(not_final_at, 0) AS int),
                0, CAST(invoiced_nano IS NOT NULL AS int), 0, tried.spent, COALESCE(spin_up_nano, 0),
                COALESCE(invoiced_nano, 0)
            FROM tried CROSS JOIN whole) AS part
        GROUP BY part.provider, part.endpoint, part.basis
        -- An attempt that cost nothing, beside others that did, tells nothing here.
        HAVING ({weights}) > 0) AS line
"""
# Customers write numbers in more ways than PostgreSQL reads, and one that it does not read must not end the
# statement for all of them: such a job is not flagged here, but only where it is shown itself.
_CEILING: Final = "btrim(replace(routing ->> 'max_cost_usd', '_', ''))"
_NUMBER: Final = r"^[+]?([0-9]{1,20}([.][0-9]{0,40})?|[.][0-9]{1,40})([eE][+-]?[0-9]{1,2})?$"
_TELLING: Final = tuple(name for name in MEASURES if name != "priced")


def lines(wanted: str, *, of_project: str = "true") -> str:
    """The SQL of what the jobs come to whose ids ``wanted`` holds, a relation of one column.

    Each line has ``job_id``, the columns of ``TAG_KEYS`` and of ``MEASURES``; ``of_project`` is a condition
    on the job's own row.
    """
    return _LINES.format(
        wanted=wanted,
        of_project=of_project,
        ceiling=_CEILING,
        number=_NUMBER,
        measures=", ".join(f"line.{name}" for name in MEASURES),
        sums=", ".join(f"CAST(sum(part.{name}) AS bigint) AS {name}" for name in MEASURES),
        weights=" + ".join(f"sum(abs(part.{name}))" for name in _TELLING),
    )


def name_of(keys: tuple[str, ...]) -> str:
    """The SQL of an id that is made of these columns: the same for the same, and for nothing else."""
    values = ", ".join("day - DATE '1970-01-01'" if key == "day" else key for key in keys)
    hashed = f"encode(sha256(convert_to(CAST(ROW({values}) AS text), 'UTF8')), 'hex')"
    return f"CAST(substr({hashed}, 1, 32) AS uuid)"
