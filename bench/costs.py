"""Costs of a million jobs: how long an answer takes, and what keeping the sums takes for each job."""

import time
from typing import Final
from uuid import UUID

import psycopg

from bench.parts import built
from bench.spent import cpu_seconds
from bench.table import Row
from bench.world import World
from domain.costing import Grouping
from services.access import create_project
from services.costs import rollup
from services.costs.auditing import audit
from services.runtime import Runtime
from storage.costs.groups import Asked, groups

_JOBS: Final = 1_000_000
_QUICK: Final = 50_000
_MOST: Final = 10_001
# There are ninety days and two hundred clients, and an order of its own for each job.
_QUESTIONS: Final = (("provider,model,day", 1), ("tag.client,month", None), ("tag.order", None))
_FILL: Final = (
    """
    CREATE TEMP TABLE fresh AS SELECT uuidv7(make_interval(secs => -n)) AS id, n,
        CASE n %% 2 WHEN 0 THEN 'fal' ELSE 'linkmodel' END AS provider, 'model-' || n / 2 %% 12 AS model,
        now() - make_interval(days => n / 24 %% 90) AS at, 40000000 + n %% 997 AS nano
    FROM generate_series(1, %(jobs)s) AS n
    """,
    """
    INSERT INTO jobs (id, project_id, kind, model, input, routing, tags, priority, status, plan, provider,
        endpoint, plan_at, attempts, reserved_nano, cost_nano, cost_basis, cost_final, sandbox, created_at,
        ended_at)
    SELECT id, %(project)s, 'image', model, '{"prompt": "a red kite over dunes, early morning light"}', '{}',
        jsonb_build_object('client', 'client-' || n / 7 %% 200, 'order', 'order-' || n), 'normal',
        'succeeded', '[]', provider, provider || '/' || model, 0, 1, 0, nano, 'provider_price', true, false,
        at, at
    FROM fresh
    """,
    """
    INSERT INTO attempts (id, job_id, number, token, provider, endpoint, status, arguments, cost_nano,
        cost_basis, cost_final, filtered, missing, troubles, store_tries, searches, sandbox, phases, marked,
        submitted_at)
    SELECT gen_random_uuid(), id, 1, CAST(id AS text), provider, provider || '/' || model, 'succeeded', '{}',
        nano, 'provider_price', true, 0, 0, 0, 0, 0, false, '{}', false, at
    FROM fresh
    """,
    """
    INSERT INTO ledger_entries (project_id, job_id, attempt_id, kind, nano, at)
    SELECT %(project)s, fresh.id, CASE step.kind WHEN 'settle' THEN attempts.id END, step.kind, step.nano, at
    FROM fresh JOIN attempts ON attempts.job_id = fresh.id
        CROSS JOIN LATERAL (
            VALUES ('reserve', nano), ('settle', nano), ('release', -nano)) AS step (kind, nano)
    """,
    "INSERT INTO job_events (job_id, type, at, data) SELECT id, 'succeeded', at, '{}' FROM fresh",
    "DROP TABLE fresh",
    "ANALYZE",
)


def run(world: World) -> list[Row]:
    """Fill a database, sum it as a watcher does, and ask."""
    jobs = _QUICK if world.quick else _JOBS
    with world.postgres() as server, built(world, server.url) as parts:
        project = UUID(create_project(parts, name="costs")["id"])
        _fill(server.url, jobs, project)
        before = _spent(server.child.group)
        _sum(parts, jobs)
        summed = 1000 * (_spent(server.child.group) - before) / jobs
        rows = [
            Row(f"costs of {jobs:,} jobs by {names}", _asked(world, parts, project, names), "s", bar)
            for names, bar in _QUESTIONS
        ]
        return [
            *rows,
            Row("keeping the sums: CPU for each job, the database's included", (summed,), "ms"),
            Row(f"the audit of {jobs:,} jobs", (_audited(parts, project),), "s"),
        ]


def _fill(url: str, jobs: int, project: UUID) -> None:
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as connection:
        # Keys to other tables hold by construction; checking each of a million costs minutes.
        connection.execute("SET session_replication_role = replica")
        for statement in _FILL:
            connection.execute(statement, {"jobs": jobs, "project": project} if "%(" in statement else None)


def _sum(parts: Runtime, jobs: int) -> None:
    for _ in range(jobs // (rollup.EVENTS * rollup.SLICES) + 1):
        rollup.sweep(parts)


def _asked(world: World, parts: Runtime, project: UUID, names: str) -> tuple[float, ...]:
    asked = Asked(project, Grouping.parse(names))
    taken = []
    for _ in range(world.rounds + 1):
        before = time.perf_counter()
        with parts.database.work() as session:
            groups(session, asked, most=_MOST)
        taken.append(time.perf_counter() - before)
    return tuple(taken[1:])


def _audited(parts: Runtime, project: UUID) -> float:
    before = time.perf_counter()
    if not audit(parts, project)["adds_up"]:
        raise AssertionError("the books that were made for this do not add up")
    return time.perf_counter() - before


def _spent(database: int) -> float:
    """CPU seconds of this process and of the database until now."""
    return time.process_time() + cpu_seconds(database)
