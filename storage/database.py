"""Sessions: one per unit of work, committed at its edge."""

import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session, text

__all__ = ["Database", "DatabaseTrouble", "DatabaseUnavailable", "Session"]

Result = TypeVar("Result")

_RESTED_SINCE: Final = "rested_since"
_TRUSTED_SECONDS: Final = 1.0


# What the database can raise: it is away, or a statement failed.
DatabaseTrouble = SQLAlchemyError


class DatabaseUnavailable(Exception):  # noqa: N818 - names the fact
    """The database did not come back in time."""


class Database:
    """The one PostgreSQL. Opening it connects to nothing; the first unit of work does."""

    def __init__(self, url: str, *, pool: int = 5, overflow: int = 10) -> None:
        self.url = url
        self.engine: Engine = create_engine(
            url,
            # What a statement was given (a prompt, a link) must not end up in an error's text.
            hide_parameters=True,
            pool_size=pool,
            max_overflow=overflow,
            pool_timeout=10,
            connect_args={"connect_timeout": 5, "application_name": "darkroom"},
        )
        _ask_after_a_rest(self.engine)

    @contextmanager
    def work(self) -> Iterator[Session]:
        """A unit of work: commits when the block ends, rolls back when it raises."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def insist(self, step: Callable[[Session], Result], *, seconds: float = 60.0) -> Result:
        """A unit of work that is tried again while the database is away: for facts that must not be lost.

        Raises:
            DatabaseUnavailable: it was away for longer than ``seconds``.
        """
        end = time.monotonic() + seconds
        pause = 0.1
        while True:
            try:
                with self.work() as session:
                    return step(session)
            except (OperationalError, InterfaceError) as error:
                if time.monotonic() + pause > end:
                    raise DatabaseUnavailable(f"the database was away for {seconds:.0f} s") from error
            time.sleep(pause)
            pause = min(pause * 2, 2.0)

    def ping(self) -> None:
        """Raise when the database does not answer."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()

    @property
    def conninfo(self) -> str:
        """The address for a plain psycopg connection, as LISTEN needs one."""
        return self.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def _ask_after_a_rest(engine: Engine) -> None:
    """Have a kept connection answer before it is used again, unless it has only just been used and is silent.

    ``pool_pre_ping`` asks every time, which is a third of what a small unit of work costs. A server that has
    ended a connection has said so on it.
    """

    @event.listens_for(engine, "checkin")
    def rested(_: object, record: ConnectionPoolEntry) -> None:
        record.info[_RESTED_SINCE] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def asked(connection: DBAPIConnection, record: ConnectionPoolEntry, _: object) -> None:
        since = record.info.get(_RESTED_SINCE)
        if since is None or (time.monotonic() - since < _TRUSTED_SECONDS and _is_silent(connection)):
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error


def _is_silent(connection: DBAPIConnection) -> bool:
    """Whether there is nothing to read where nothing was asked: what the server has ended can be read."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)
