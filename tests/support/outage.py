"""A database that goes away and comes back, while the server and its other databases go on."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from tests.support.postgres import Postgres, plain


@contextmanager
def database_away(server: Postgres, url: str) -> Iterator[None]:
    """For as long as the block runs the database at ``url`` drops every connection and takes none."""
    go_away(server, url)
    try:
        yield
    finally:
        come_back(server, url)


def go_away(server: Postgres, url: str) -> None:
    """Drop every connection to the database, and take no new one."""
    name = _name(url)
    _run(server, sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
    ended = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}")
    _run(server, ended.format(sql.Literal(name)))


def come_back(server: Postgres, url: str) -> None:
    """Take connections again."""
    _run(server, sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(_name(url))))


def _name(url: str) -> str:
    return url.rpartition("/")[2].partition("?")[0]


def _run(server: Postgres, statement: sql.Composed) -> None:
    with psycopg.connect(plain(server.cluster.url("postgres")), autocommit=True) as connection:
        connection.execute(statement)
