"""Has all rows of a batch succeed on paper: an attempt and a file each, copied from a job that really ran."""

from typing import Final

import psycopg

_SUCCEED: Final = """
    UPDATE jobs SET status = 'succeeded', attempts = 1, cost_nano = sample.cost_nano,
        cost_basis = sample.cost_basis, cost_final = sample.cost_final,
        ended_at = jobs.created_at + interval '20 s'
    FROM (SELECT * FROM jobs WHERE status = 'succeeded' LIMIT 1) AS sample WHERE jobs.batch_id = %(batch)s
"""
_COPIES: Final = """
    INSERT INTO {table} SELECT filled.* FROM jobs, (
        SELECT to_jsonb(held) AS row FROM {table} AS held JOIN jobs ON jobs.id = held.job_id
        WHERE jobs.status = 'succeeded' LIMIT 1) AS sample,
        LATERAL jsonb_populate_record(NULL::{table}, sample.row || jsonb_build_object(
            'id', gen_random_uuid(), 'job_id', jobs.id, 'token', gen_random_uuid()::text)) AS filled
    WHERE jobs.batch_id = %(batch)s
"""


def succeed(database_url: str, batch_id: str) -> None:
    """Needs one job that has succeeded, and a batch of which nothing runs."""
    given = {"batch": batch_id}
    with psycopg.connect(database_url, autocommit=True) as connection:
        for table in ("attempts", "assets"):
            connection.execute(_COPIES.format(table=table).encode(), given)
        connection.execute(_SUCCEED.encode(), given)
        connection.execute("DELETE FROM batch_waits WHERE batch_id = %(batch)s", given)
        connection.execute("VACUUM (ANALYZE)")
