"""Fills a database with what a year leaves behind: ended jobs, their attempts and timelines; and open ones.

Rows are copied inside the database from one sample of each, so they have every column of the schema as it is.
"""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg

from services.access import create_project
from services.runtime import Runtime
from storage.records import AttemptRecord, DeliveryRecord, EventRecord, JobEventRecord, JobRecord

# One ended job in so many keeps its attempt, its timeline and its callback; the others are a row alone.
_SHARE: Final = 5
_EVENTS: Final = 7

Connection = psycopg.Connection[tuple[Any, ...]]


def begin(parts: Runtime) -> None:
    """Write the samples that everything is copied from."""
    made = create_project(parts, name=f"history {uuid4()}")
    at = parts.clock()
    job = JobRecord(
        project_id=UUID(made["id"]),
        kind="image",
        model="flux-dev",
        input={"prompt": "a red kite over dunes, early morning light, slow dolly in, 35 mm", "count": 1},
        routing={"provider": "auto", "policy": "cheapest", "fallback": True, "max_attempts": 3},
        tags={"client": "acme", "campaign": "spring"},
        priority="normal",
        status="succeeded",
        plan=[{"provider": "fal", "endpoint": "fal-ai/flux/dev", "low": 25_000_000, "high": 25_000_000}],
        provider="fal",
        endpoint="fal-ai/flux/dev",
        created_at=at,
        ended_at=at,
    )
    attempt = AttemptRecord(
        job_id=job.id,
        number=1,
        token="sample",  # noqa: S106 - names a row
        provider="fal",
        endpoint="fal-ai/flux/dev",
        status="succeeded",
        arguments={"prompt": "a red kite over dunes, early morning light, slow dolly in, 35 mm"},
        provider_request_id=str(uuid4()),
        phases={"provider_queue": 0.4, "generation": 19.2, "detection": 0.6},
        submitted_at=at,
    )
    told = EventRecord(
        project_id=job.project_id, job_id=job.id, type="job.succeeded", body="{}", created_at=at
    )
    delivered = DeliveryRecord(
        event_id=told.id,
        project_id=job.project_id,
        url="https://example.com/hook",
        status="delivered",
        tries=1,
        created_at=at,
        ended_at=at,
    )
    step = JobEventRecord(job_id=job.id, type="succeeded", attempt=1, at=at, data={})
    with parts.database.work() as session:
        for record in (job, attempt, step, told, delivered):
            session.add(record)
            session.flush()


def ended(connection: Connection, count: int) -> None:
    """Another ``count`` ended jobs, older than yesterday."""
    _fresh(connection, count, "uuidv7(make_interval(secs => -86400 - n))")
    _copy(connection, "jobs", "fresh", {"id": "fresh.id"})
    some = f"(SELECT * FROM fresh WHERE n % {_SHARE} = 0) AS fresh"  # noqa: S608 - a number of ours
    own = {"id": "gen_random_uuid()", "job_id": "fresh.id", "token": "gen_random_uuid()::text"}
    _copy(connection, "attempts", some, own)
    _copy(connection, "job_events", f"{some}, generate_series(1, {_EVENTS})", {"job_id": "fresh.id"})
    _copy(connection, "events", some, {"id": "fresh.id", "job_id": "fresh.id"})
    _copy(connection, "deliveries", some, {"id": "gen_random_uuid()", "event_id": "fresh.id"})
    connection.execute("DROP TABLE fresh")
    connection.execute("VACUUM (ANALYZE)")


def waiting(connection: Connection, count: int, status: str, *, due: bool) -> None:
    """Open jobs in that state, due at once or in an hour."""
    _fresh(connection, count, "uuidv7()")
    own = {"id": "fresh.id", "status": f"'{status}'", "ended_at": "NULL", "created_at": "now()"}
    _copy(connection, "jobs", "fresh", own)
    own = {"id": "gen_random_uuid()", "job_id": "fresh.id", "token": "gen_random_uuid()::text"}
    if status != "queued":
        _copy(connection, "attempts", "fresh", own | {"status": f"'{status}'", "ended_at": "NULL"})
    connection.execute(
        "INSERT INTO agenda (job_id, kind, provider, endpoint, priority, status, next_at) "
        "SELECT jobs.id, kind, provider, endpoint, 1, status, now() + make_interval(hours => %s) "
        "FROM jobs JOIN fresh ON fresh.id = jobs.id",
        (0 if due else 1,),
    )
    connection.execute("DROP TABLE fresh")


def _fresh(connection: Connection, count: int, new_id: str) -> None:
    # Keys to other tables hold by construction; checking each of a million costs minutes.
    connection.execute("SET session_replication_role = replica")
    numbers = f"SELECT {new_id} AS id, n FROM generate_series(1, {count}) AS n"  # noqa: S608 - ours
    connection.execute(f"CREATE TEMP TABLE fresh AS {numbers}")


def _copy(connection: Connection, table: str, source: str, own: Mapping[str, str]) -> None:
    """One row of ``table`` for each of ``source``: the sample's columns, but for its ``own``."""
    columns = [
        name
        for (name,) in connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s "
            "AND is_identity = 'NO' AND is_generated = 'NEVER'",
            (table,),
        )
    ]
    chosen = ", ".join(own.get(name, f"sample.{name}") for name in columns)
    sample = f"(SELECT * FROM {table} ORDER BY ctid LIMIT 1) AS sample"  # noqa: S608 - names of ours
    connection.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM {sample}, {source}"  # noqa: S608
    )
