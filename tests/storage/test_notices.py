"""Notices: heard as they are committed, and again after the database was away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from storage import agenda
from storage.agenda import ENDED_CHANNEL, WAKE_CHANNEL
from storage.notices import listen
from tests.support.engine import Engine
from tests.support.outage import come_back, go_away
from tests.support.postgres import Postgres

SECONDS = 20


async def hear(notices: AsyncIterator[tuple[str, str]]) -> tuple[str, str]:
    return await asyncio.wait_for(anext(notices), SECONDS)


def test_a_notice_is_heard_when_its_unit_of_work_is_committed(engine: Engine) -> None:
    job_id = engine.accept()

    async def scene() -> None:
        stream = listen(engine.runtime.database.conninfo, [WAKE_CHANNEL, ENDED_CHANNEL])
        async with aclosing(stream) as notices:
            assert await hear(notices) == (WAKE_CHANNEL, "")
            assert await hear(notices) == (ENDED_CHANNEL, "")
            with engine.runtime.database.work() as session:
                agenda.announce_end(session, job_id)
            assert await hear(notices) == (ENDED_CHANNEL, str(job_id))

    asyncio.run(scene())


def test_after_the_database_was_away_every_channel_is_told_once(
    engine: Engine, server: Postgres, database_url: str
) -> None:
    async def scene() -> None:
        stream = listen(engine.runtime.database.conninfo, [WAKE_CHANNEL])
        async with aclosing(stream) as notices:
            assert await hear(notices) == (WAKE_CHANNEL, "")
            waiting = asyncio.create_task(hear(notices))
            await asyncio.to_thread(go_away, server, database_url)
            await asyncio.to_thread(come_back, server, database_url)
            assert await waiting == (WAKE_CHANNEL, "")
            with engine.runtime.database.work() as session:
                agenda.wake(session)
            assert await hear(notices) == (WAKE_CHANNEL, "")

    asyncio.run(scene())


def test_a_quiet_time_ends_nothing(engine: Engine) -> None:
    async def scene() -> None:
        stream = listen(engine.runtime.database.conninfo, [WAKE_CHANNEL], quiet_seconds=0.05)
        async with aclosing(stream) as notices:
            assert await hear(notices) == (WAKE_CHANNEL, "")
            waiting = asyncio.create_task(hear(notices))
            done, _ = await asyncio.wait([waiting], timeout=0.5)
            assert not done
            with engine.runtime.database.work() as session:
                agenda.wake(session)
            assert await waiting == (WAKE_CHANNEL, "")

    asyncio.run(scene())
