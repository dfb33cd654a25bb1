"""What an answer reads: the sums, and of all else only what has moved since."""

import pytest
from sqlalchemy import text

from services.costs.rollup import sweep
from storage.costs.groups import groups
from tests.support.booked import Try, booked, execute, question
from tests.support.engine import Engine

_MANY = 20_000
_COPIES = (
    """
    INSERT INTO jobs (id, project_id, kind, model, input, routing, tags, priority, status, plan, plan_at,
        attempts, reserved_nano, cost_final, sandbox, created_at)
    SELECT gen_random_uuid(), project_id, kind, model, input, routing, tags, priority, status, plan, plan_at,
        attempts, 0, cost_final, sandbox, created_at
    FROM jobs, generate_series(1, :many)
    """,
    """
    INSERT INTO job_events (job_id, type, at, data)
    SELECT id, 'succeeded', created_at, '{}' FROM jobs
    """,
)
_READ = """
    SELECT CAST(sum(seq_tup_read) AS int) FROM pg_stat_xact_user_tables
    WHERE relname IN ('jobs', 'job_events', 'cost_shares')
"""


@pytest.mark.parametrize("analyzed", [True, False])
def test_no_table_of_jobs_is_read_from_end_to_end(engine: Engine, *, analyzed: bool) -> None:
    booked(engine, Try(5))
    for statement in _COPIES:
        execute(engine.runtime, statement, many=_MANY)
    sweep(engine.runtime)
    if analyzed:
        execute(engine.runtime, "ANALYZE")
    booked(engine, Try(7))
    engine.running()
    for names in ("provider,model,day", "tag.client"):
        with engine.runtime.database.work() as session:
            # What its connection has read before is in it, too.
            before = session.connection().execute(text(_READ)).scalar_one()
            found = groups(session, question(engine.project_id, names), most=10)
            after = session.connection().execute(text(_READ)).scalar_one()
        assert sum(one.sums.jobs for one in found) == _MANY + 3
        assert after == before
