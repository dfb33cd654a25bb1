"""Claims read the index that is theirs, however many rows wait for something else."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import event
from sqlmodel import Session

from domain.lanes import Lane
from storage import claims
from storage.claims import Lease
from tests.support.engine import Engine
from tests.support.postgres import plain
from tests.support.rows import NOON

ROWS = 10_000
LANE = Lane("fal", "a/3")
LEASE = Lease("watcher:1", NOON + timedelta(minutes=1), 15.0)
FILL = """
    WITH project AS (SELECT id FROM projects LIMIT 1), made AS (
        INSERT INTO jobs (id, project_id, kind, model, input, routing, tags, priority, status, plan, provider,
            endpoint, plan_at, attempts, reserved_nano, cost_final, sandbox, created_at)
        SELECT gen_random_uuid(), project.id, 'image', 'pair', '{}', '{}', '{}', 'normal', 'running', '[]',
            'fal', 'a/' || mod(n, 7), 0, 1, 0, false, false, %(noon)s
        FROM project, generate_series(1, %(rows)s) AS n RETURNING id, endpoint)
    INSERT INTO agenda (job_id, kind, provider, endpoint, priority, status, next_at)
    SELECT id, 'image', 'fal', endpoint, 1,
        (ARRAY['queued', 'running', 'storing'])[1 + mod(abs(hashtext(id::text)), 3)],
        %(noon)s + random() * interval '1 hour'
    FROM made
"""
CLAIMS: dict[str, Callable[[Session], object]] = {
    "looks": lambda session: claims.claim_looks(session, "fal", LEASE, most=200, per_second=1000),
    "work": lambda session: claims.claim_work(session, LEASE, most=200),
    "letting out": lambda session: claims.let_out(session, LANE, LEASE, most=128, rows=64),
    "the lanes that wait": lambda session: claims.queued_lanes(session, LEASE.now),
    "a cold lane's pilots": lambda session: claims.pioneers(session, LANE),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_no_claim_reads_a_whole_table(engine: Engine, database_url: str, name: str) -> None:
    with psycopg.connect(plain(database_url), autocommit=True) as filling:
        filling.execute(FILL, {"noon": NOON, "rows": ROWS})
        filling.execute("ANALYZE")
    plan = plan_of(engine, CLAIMS[name])
    assert not [line for line in plan if "Seq Scan on agenda" in line or "Seq Scan on jobs" in line], plan
    assert [line for line in plan if "using agenda_" in line or "on agenda_" in line], plan


def plan_of(engine: Engine, claim: Callable[[Session], object]) -> list[str]:
    """How the database goes about what the claim asks of it."""
    asked: list[tuple[str, Any]] = []

    def keep(_conn: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:  # noqa: ANN401
        asked.append((statement, parameters))

    event.listen(engine.runtime.database.engine, "before_cursor_execute", keep)
    with engine.runtime.database.work() as session:
        claim(session)
        [(statement, parameters)] = asked
        explained = session.connection().exec_driver_sql(f"EXPLAIN {statement}", parameters)
        return [row[0] for row in explained]
