"""The entrance: many jobs in one commit, each with its own outcome, whoever leaves and whatever goes away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from storage.database import DatabaseUnavailable
from storage.entrance import Entrance, NotWritten
from storage.intake import Answer, NewJob
from storage.urls import for_asyncpg
from tests.support.engine import Engine
from tests.support.holding import project_held
from tests.support.outage import come_back, database_away, go_away
from tests.support.postgres import Postgres
from tests.support.rows import NOON


def a_new_job(engine: Engine, **fields: Any) -> NewJob:  # noqa: ANN401
    defaults: dict[str, Any] = {
        "project_id": engine.project_id,
        "kind": "image",
        "model": "pair",
        "input": {"prompt": "a red kite"},
        "routing": {},
        "plan": [],
        "provider": "linkmodel",
        "endpoint": "pair-a",
        "said": {},
        "created_at": NOON,
    }
    return NewJob(**(defaults | fields))


def through(engine: Engine, work: Callable[[Entrance], Awaitable[Any]]) -> Any:  # noqa: ANN401
    """What ``work`` brings back from an entrance of its own."""

    async def run() -> Any:  # noqa: ANN401
        async with Entrance.opened(engine.runtime.database.url) as entrance:
            return await work(entrance)

    return asyncio.run(run())


def together(engine: Engine, *jobs: tuple[NewJob, Answer | None]) -> list[bool | BaseException]:
    """What becomes of jobs that are brought at once."""

    async def take(entrance: Entrance) -> list[bool | BaseException]:
        return await asyncio.gather(*(entrance.take(*one) for one in jobs), return_exceptions=True)

    outcomes: list[bool | BaseException] = through(engine, take)
    return outcomes


def jobs_and_commits(engine: Engine) -> tuple[int, int]:
    """How many jobs there are, and how many transactions wrote them."""
    with engine.runtime.database.work() as session:
        found = session.connection().execute(text("SELECT xmin::text FROM jobs")).scalars().all()
    return len(found), len(set(found))


def test_what_comes_together_is_written_in_one_transaction(engine: Engine) -> None:
    jobs = [a_new_job(engine, reserved_nano=5) for _ in range(50)]
    assert together(engine, *((job, None) for job in jobs)) == [True] * 50
    assert jobs_and_commits(engine) == (50, 1)
    assert engine.held_and_spent() == (250, 0)
    assert engine.steps(jobs[7].id) == ["accepted", "queued"]


def test_what_comes_meanwhile_goes_into_the_next_one(engine: Engine) -> None:
    jobs = [a_new_job(engine) for _ in range(450)]
    assert together(engine, *((job, None) for job in jobs)) == [True] * 450
    assert jobs_and_commits(engine) == (450, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tags": {"client": "\0"}},
        {"input": {"prompt": "half a pair \ud800"}},
        {"input": {"seed": float("nan")}},
        {"model": "\ud800"},
        {"model": "\0"},
        {"project_id": UUID(int=0)},
        {"quoted_nano": 2**63},
    ],
)
def test_a_job_that_cannot_be_kept_fails_alone(engine: Engine, wrong: dict[str, Any]) -> None:
    jobs = [a_new_job(engine) for _ in range(9)]
    jobs[4] = a_new_job(engine, **wrong)
    outcomes = together(engine, *((job, None) for job in jobs))
    assert isinstance(outcomes.pop(4), NotWritten)
    assert outcomes == [True] * 8
    assert jobs_and_commits(engine)[0] == 8


def test_a_refusal_does_not_quote_the_job(engine: Engine) -> None:
    [refused] = together(engine, (a_new_job(engine, input={"prompt": "very secret \0"}), None))
    assert isinstance(refused, NotWritten)
    assert "secret" not in f"{refused} {refused.__cause__}"


def test_a_key_twice_in_one_commit_makes_one_job(engine: Engine) -> None:
    jobs = [a_new_job(engine) for _ in range(3)]
    answers = [Answer("k", "a", '{"n": 1}'), Answer("k", "b", '{"n": 2}'), Answer("other", "a", "{}")]
    assert together(engine, *zip(jobs, answers, strict=True)) == [True, False, True]
    assert jobs_and_commits(engine)[0] == 2
    found = through(engine, lambda entrance: entrance.answered(engine.project_id, "k"))
    assert found == (jobs[0].id, answers[0])
    assert through(engine, lambda entrance: entrance.answered(uuid4(), "k")) is None


def test_whoever_leaves_neither_loses_nor_doubles_a_job(engine: Engine) -> None:
    jobs = [a_new_job(engine) for _ in range(3)]

    async def leave(entrance: Entrance) -> list[bool | BaseException]:
        asked = [asyncio.ensure_future(entrance.take(job)) for job in jobs]
        asyncio.get_running_loop().call_soon(asked[1].cancel)
        return await asyncio.gather(*asked, return_exceptions=True)

    first, second, third = through(engine, leave)
    assert (first, third) == (True, True)
    assert isinstance(second, asyncio.CancelledError)
    assert jobs_and_commits(engine)[0] == 3


def test_what_waits_when_the_entrance_closes_is_written(engine: Engine) -> None:
    async def leave_in_a_hurry(entrance: Entrance) -> None:
        asked = asyncio.ensure_future(entrance.take(a_new_job(engine)))
        asyncio.get_running_loop().call_soon(asked.cancel)
        await asyncio.wait([asked])

    through(engine, leave_in_a_hurry)
    assert jobs_and_commits(engine)[0] == 1


def test_without_the_database_everyone_is_told_and_it_recovers(
    engine: Engine, server: Postgres, database_url: str
) -> None:
    async def go_and_come(entrance: Entrance) -> list[Any]:
        before = await entrance.take(a_new_job(engine))
        go_away(server, database_url)
        jobs = [a_new_job(engine) for _ in range(3)]
        during = await asyncio.gather(*map(entrance.take, jobs), return_exceptions=True)
        come_back(server, database_url)
        return [before, *during, await entrance.take(a_new_job(engine))]

    before, *during, after = through(engine, go_and_come)
    assert (before, after) == (True, True)
    assert [type(one) for one in during] == [DatabaseUnavailable] * 3
    assert jobs_and_commits(engine)[0] == 2


def test_a_question_to_a_database_that_is_away_says_so(
    engine: Engine, server: Postgres, database_url: str
) -> None:
    with database_away(server, database_url), pytest.raises(DatabaseUnavailable):
        through(engine, lambda entrance: entrance.knowledge())


def test_a_connection_that_breaks_in_the_middle_of_a_commit_is_the_databases_absence(
    engine: Engine,
) -> None:
    async def cut(entrance: Entrance) -> list[bool | BaseException]:
        with project_held(engine.runtime) as held:
            asked = [asyncio.ensure_future(entrance.take(a_new_job(engine))) for _ in range(2)]
            await asyncio.to_thread(held.wait_for_a_commit)
            held.cut_it_off()
            return await asyncio.gather(*asked, return_exceptions=True)

    assert [type(one) for one in through(engine, cut)] == [DatabaseUnavailable] * 2
    assert jobs_and_commits(engine) == (0, 0)


def test_an_address_is_spelled_for_the_driver() -> None:
    url = "postgresql+psycopg://me:pass%40word@db:5432/darkroom?sslmode=require&connect_timeout=5&host=%2Ftmp"
    assert for_asyncpg(url) == "postgresql://me:pass%40word@db:5432/darkroom?sslmode=require&host=%2Ftmp"
