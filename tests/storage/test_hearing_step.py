"""Hearing of running requests: many in one commit, none of which waits for somebody else."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from domain.lifecycle import AttemptStatus, JobStatus
from storage import agenda
from storage.agenda import WAKE_CHANNEL
from storage.entrance import Entrance, NotWritten
from storage.notices import listen
from storage.steps.hearing import Heard
from tests.support.engine import Engine
from tests.support.rows import NOON, a_job, an_attempt, keep

ENDPOINT = "test/pair/b"
LATER = NOON + timedelta(minutes=1)


def running(
    engine: Engine, number: int, job: JobStatus = JobStatus.RUNNING, attempt: str = AttemptStatus.RUNNING
) -> Heard:
    """What a webhook tells about a new job whose next look is a minute away."""
    made = a_job(project_id=engine.project_id, status=job, provider="fal", endpoint=ENDPOINT)
    sent = an_attempt(
        made, provider="fal", endpoint=ENDPOINT, status=attempt, provider_request_id=f"request-{number}"
    )
    token, request_id = sent.token, f"request-{number}"
    keep(engine.runtime, made, sent)
    with engine.runtime.database.work() as session:
        agenda.schedule(session, made, LATER)
    return Heard("fal", token, request_id, NOON)


def hear(engine: Engine, heard: Sequence[Heard]) -> list[str | BaseException | None]:
    """What becomes of webhooks that come at once."""

    async def scene() -> list[str | BaseException | None]:
        async with Entrance.opened(engine.runtime.database.url) as entrance:
            return await asyncio.gather(*map(entrance.hear, heard), return_exceptions=True)

    return asyncio.run(scene())


def due_and_commits(engine: Engine) -> tuple[int, int]:
    """How many jobs are due now, and how many transactions made them so."""
    now = text("SELECT xmin::text FROM agenda WHERE next_at = :noon AND owner IS NULL")
    with engine.runtime.database.work() as session:
        found = session.connection().execute(now, {"noon": NOON}).scalars().all()
    return len(found), len(set(found))


def test_what_is_told_at_once_is_heard_in_one_commit(engine: Engine) -> None:
    heard = [running(engine, number) for number in range(30)]
    assert hear(engine, heard) == [ENDPOINT] * 30
    assert due_and_commits(engine) == (30, 1)


def test_what_is_told_twice_is_heard_twice(engine: Engine) -> None:
    heard = running(engine, 1)
    assert hear(engine, [heard, heard]) == [ENDPOINT] * 2


def test_a_hold_ends_when_something_is_heard(engine: Engine) -> None:
    heard = running(engine, 1)
    with engine.runtime.database.work() as session:
        session.connection().execute(text("UPDATE agenda SET owner = 'watcher:1'"))
    assert hear(engine, [heard]) == [ENDPOINT]
    assert due_and_commits(engine)[0] == 1


@pytest.mark.parametrize(
    ("job", "attempt"),
    [
        (JobStatus.REVIEW, AttemptStatus.UNKNOWN),
        (JobStatus.REVIEW, AttemptStatus.RUNNING),
        (JobStatus.RUNNING, AttemptStatus.UNKNOWN),
    ],
)
def test_a_request_that_is_in_doubt_is_looked_at_too(
    engine: Engine, job: JobStatus, attempt: AttemptStatus
) -> None:
    assert hear(engine, [running(engine, 1, job, attempt)]) == [ENDPOINT]


def test_what_was_not_to_be_expected_changes_nothing_and_holds_up_nobody(engine: Engine) -> None:
    first, second = running(engine, 1), running(engine, 2)
    odd = [
        replace(first, token="of nobody"),
        replace(first, provider="linkmodel"),
        replace(first, request_id=second.request_id),
        running(engine, 3, JobStatus.STORING, AttemptStatus.STORING),
        running(engine, 4, JobStatus.STORING),
        running(engine, 5, attempt=AttemptStatus.FAILED),
    ]
    assert hear(engine, [*odd, second]) == [None] * len(odd) + [ENDPOINT]
    assert due_and_commits(engine)[0] == 1


def test_what_cannot_be_asked_for_fails_alone(engine: Engine) -> None:
    heard = [running(engine, number) for number in range(5)]
    heard[2] = replace(heard[2], request_id="\0")
    outcomes = hear(engine, heard)
    assert isinstance(outcomes.pop(2), NotWritten)
    assert outcomes == [ENDPOINT] * 4


def test_a_job_that_somebody_holds_just_now_is_passed_over(engine: Engine) -> None:
    held = running(engine, 1)
    with engine.runtime.database.work() as session:
        session.connection().execute(text("SELECT 1 FROM agenda FOR UPDATE"))
        assert hear(engine, [held, running(engine, 2)]) == [None, ENDPOINT]
    assert due_and_commits(engine)[0] == 1


def test_the_watcher_is_woken_by_what_was_heard_and_by_nothing_else(engine: Engine) -> None:
    heard = running(engine, 1)

    async def scene() -> list[tuple[str, str]]:
        async with (
            aclosing(listen(engine.runtime.database.conninfo, [WAKE_CHANNEL, "marks"])) as notices,
            Entrance.opened(engine.runtime.database.url) as entrance,
        ):
            opening = [await anext(notices), await anext(notices)]
            await entrance.hear(replace(heard, token="of nobody"))
            with engine.runtime.database.work() as session:
                session.connection().execute(text("NOTIFY marks"))
            await entrance.hear(heard)
            return [*opening, await anext(notices), await anext(notices)]

    told = asyncio.run(asyncio.wait_for(scene(), 20))
    assert told == [(WAKE_CHANNEL, ""), ("marks", ""), ("marks", ""), (WAKE_CHANNEL, "")]
