"""Notices from the database: who was woken and which jobs ended, heard on one plain connection."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import Final

import psycopg
import structlog
from psycopg import sql

_RETRY_SECONDS: Final = 1.0
_QUIET_SECONDS: Final = 30.0

Notices = AsyncGenerator[tuple[str, str], None]

log = structlog.get_logger(__name__)


async def listen(conninfo: str, channels: Sequence[str], *, quiet_seconds: float = _QUIET_SECONDS) -> Notices:
    """Every notice on ``channels`` as (channel, payload), for ever; reconnects when the database goes away.

    Notices are hints: after a lost connection one empty payload per channel says that some were missed. After
    ``quiet_seconds`` without any the connection is tried.
    """
    while True:
        async with aclosing(_until_lost(conninfo, channels, quiet_seconds)) as notices:
            async for notice in notices:
                yield notice
        log.warning("notices_lost", retry_seconds=_RETRY_SECONDS)
        await asyncio.sleep(_RETRY_SECONDS)


async def _until_lost(conninfo: str, channels: Sequence[str], quiet_seconds: float) -> Notices:
    with suppress(psycopg.OperationalError):
        async with (
            await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection,
            aclosing(_heard(connection, channels, quiet_seconds)) as notices,
        ):
            async for notice in notices:
                yield notice


async def _heard(
    connection: psycopg.AsyncConnection[tuple[object, ...]], channels: Sequence[str], quiet_seconds: float
) -> Notices:
    for channel in channels:
        await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        yield channel, ""
    while True:
        # Closed at once when nobody listens any more: until then it locks the connection.
        async with aclosing(connection.notifies(timeout=quiet_seconds)) as notices:
            async for notice in notices:
                yield notice.channel, notice.payload
        # Nothing was heard for a while: make sure that somebody is still there.
        await connection.execute("SELECT 1")
