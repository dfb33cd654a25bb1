"""Notices from the database: who was woken and which jobs ended, heard on one plain connection."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

import psycopg
import structlog
from psycopg import sql

_RETRY_SECONDS: Final = 1.0
_QUIET_SECONDS: Final = 30.0

log = structlog.get_logger(__name__)


async def listen(conninfo: str, channels: Sequence[str]) -> AsyncIterator[tuple[str, str]]:
    """Every notice on ``channels`` as (channel, payload), for ever; reconnects when the database goes away.

    Notices are hints: after a lost connection one empty payload per channel says that some were missed.
    """
    while True:
        try:
            async for notice in _heard(conninfo, channels):
                yield notice
        except psycopg.OperationalError:
            log.warning("notices_lost", retry_seconds=_RETRY_SECONDS)
            await asyncio.sleep(_RETRY_SECONDS)


async def _heard(conninfo: str, channels: Sequence[str]) -> AsyncIterator[tuple[str, str]]:
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        for channel in channels:
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            yield channel, ""
        while True:
            async for notice in connection.notifies(timeout=_QUIET_SECONDS):
                yield notice.channel, notice.payload
            # Nothing was heard for a while: make sure that somebody is still there.
            await connection.execute("SELECT 1")
