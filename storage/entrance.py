"""The one asynchronous way to the database: new jobs go in together, and what webhooks tell, in one commit.

Measured beside the ORM's session: a fifth of the CPU for a job alone, a twentieth for one of thirty.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Final
from uuid import UUID

import asyncpg

from domain.budgets import BudgetExceeded, Exceeded
from storage import admission, intake
from storage.database import DatabaseUnavailable
from storage.group_commit import GroupCommit, Item, Outcome, Spoiled, Write
from storage.intake import Answer, NewJob
from storage.prices import Knowledge, known_to_all
from storage.steps import hearing
from storage.steps.hearing import Heard
from storage.urls import for_asyncpg

# Each sort of what comes in keeps one for as long as anything of it waits.
_CONNECTIONS: Final = 6
_CONNECT_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 10.0

# It is away, it is going, or it has no room. What is raised besides is about the statement or its data.
_AWAY: Final = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    # It was about to be used as its end arrived: nothing was sent, and it is of no use any more.
    asyncpg.InternalClientError,
)

_Write = Callable[[asyncpg.Connection, Sequence[Item]], Awaitable[Sequence[Outcome]]]


class NotWritten(Spoiled):
    """The database refuses a statement or its data; its own words stay out, they may quote a prompt."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"the database refused it: {kind}")


class Entrance:
    """Writes down what comes in. Whatever comes while a commit is on its way goes into the next one.

    It connects when it is first asked. A connection that breaks in the middle of a commit leaves open whether
    that was made, as it does with any database.
    """

    def __init__(self, url: str) -> None:
        self._pool = asyncpg.create_pool(
            for_asyncpg(url),
            min_size=0,
            max_size=_CONNECTIONS,
            timeout=_CONNECT_SECONDS,
            command_timeout=_ANSWER_SECONDS,
            reset=_leave_as_it_is,
            server_settings={"application_name": "darkroom"},
        )
        self._jobs = GroupCommit(partial(self._open, self._write))
        self._checked = GroupCommit(partial(self._open, admission.admit))
        self._budgeted: set[UUID] = set()
        self._hints = GroupCommit(partial(self._open, hearing.hear))

    @classmethod
    @asynccontextmanager
    async def opened(cls, url: str) -> AsyncIterator["Entrance"]:
        """An entrance for as long as the block runs; what still waits at its end is written."""
        entrance = cls(url)
        async with entrance._pool:
            try:
                yield entrance
            finally:
                await entrance._jobs.finish()
                await entrance._checked.finish()
                await entrance._hints.finish()

    async def take(self, job: NewJob, answer: Answer | None = None) -> bool:
        """Write a job down: True once it is committed, False where the key of its answer was used before.

        A caller that gives up meanwhile changes nothing: the job is written all the same, once. Jobs of
        projects that have or had budgets go together, so that nobody else waits for these; where that is not
        known yet, the database says so.

        Raises:
            BudgetExceeded: it does not fit a budget of its project.
            DatabaseUnavailable: the database does not answer.
            NotWritten: it does not take this job; the others that came with it are taken.
        """
        if job.project_id not in self._budgeted:
            outcome = await self._jobs.put((job, answer))
            if outcome is not None:
                return outcome
        checked = await self._checked.put((job, answer))
        if isinstance(checked, Exceeded):
            raise BudgetExceeded(checked)
        return checked

    async def hear(self, heard: Heard) -> str | None:
        """Have the job of a running attempt looked at now: its endpoint once that is committed.

        None where the token, the request or where they stand is anything but what was to be expected, or
        somebody is at work on the job this very moment: then nothing was written.

        Raises:
            DatabaseUnavailable: the database does not answer.
            NotWritten: it does not take this; what came with it is heard.
        """
        return await self._hints.put(heard)

    async def answered(self, project_id: UUID, key: str) -> tuple[UUID, Answer] | None:
        """The job and the answer that were given under the key; raises DatabaseUnavailable."""
        async with self._connection() as connection:
            return await intake.answered(connection, project_id, key)

    async def knowledge(self) -> Knowledge:
        """What is known of every lane for quotes; raises DatabaseUnavailable."""
        async with self._connection() as connection:
            return await known_to_all(connection)

    async def _write(
        self, connection: asyncpg.Connection, jobs: Sequence[tuple[NewJob, Answer | None]]
    ) -> list[bool | None]:
        """Whether each was written; None where its project has budgets."""
        written = await intake.write(connection, jobs)
        self._budgeted |= written.budgeted
        return [None if job.project_id in written.budgeted else job.id in written.taken for job, _ in jobs]

    @asynccontextmanager
    async def _open(self, write: _Write[Item, Outcome]) -> AsyncIterator[Write[Item, Outcome]]:
        """``write`` on a connection of its own for as long as the block runs."""
        async with self._connection() as connection:

            async def written(items: Sequence[Item]) -> Sequence[Outcome]:
                with _in_our_words(connection):
                    return await write(connection, items)

            yield written

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        try:
            connection = await self._pool.acquire(timeout=_ANSWER_SECONDS)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise DatabaseUnavailable("the database takes no connection") from error
        try:
            with _in_our_words(connection):
                yield connection
        finally:
            await self._pool.release(connection)


@contextmanager
def _in_our_words(connection: asyncpg.Connection) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError, *_AWAY) as error:
        if isinstance(error, asyncpg.InternalClientError):
            connection.terminate()
        if isinstance(error, _AWAY) or connection.is_closed():
            raise DatabaseUnavailable("the database went away") from error
        raise NotWritten(type(error).__name__) from None


async def _leave_as_it_is(_: asyncpg.Connection) -> None:
    """Nothing here changes a connection, so none needs a trip of its own to be put back."""
