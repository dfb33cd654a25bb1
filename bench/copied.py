"""What reading a batch is measured against: PostgreSQL's own COPY of the very rows that it wrote."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

import psycopg
from sqlalchemy import URL, make_url

from bench.history import Connection
from storage.migrate import migrate

_NAME: Final = "plain"
_TABLES: Final = ("jobs", "batch_waits")
_PIECE_BYTES: Final = 1 << 20

Cursor = psycopg.Cursor[tuple[Any, ...]]


def copy_seconds(database_url: str, batch_id: str) -> float:
    """Seconds to copy a batch's rows into a fresh database with the whole schema, in one transaction.

    It has all indexes, keys and triggers, and the server is the same.
    """
    url = make_url(database_url)
    with _connected(url) as connection:
        held = {table: _rows(connection, table, UUID(batch_id)) for table in _TABLES}
        projects = _out(connection, "COPY projects TO STDOUT")
        connection.execute(f"CREATE DATABASE {_NAME}".encode())
        fresh = url.set(database=_NAME)
        migrate(fresh.render_as_string(hide_password=False))
        with _connected(fresh) as other:
            _in(other, {"projects": projects})
            begun = time.perf_counter()
            _in(other, held)
            seconds = time.perf_counter() - begun
        connection.execute(f"DROP DATABASE {_NAME}".encode())
    return seconds


@contextmanager
def _connected(url: URL) -> Iterator[Connection]:
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        yield connection


def _rows(connection: Connection, table: str, batch_id: UUID) -> list[bytes]:
    # COPY takes no parameters.
    wanted = f"SELECT * FROM {table} WHERE batch_id = '{batch_id}' ORDER BY row_number"  # noqa: S608 - no text
    return _out(connection, f"COPY ({wanted}) TO STDOUT")


def _out(connection: Connection, statement: str) -> list[bytes]:
    """What COPY gives, in pieces as large as are quick to send."""
    pieces, piece = list[bytes](), bytearray()
    with connection.cursor().copy(statement.encode()) as copy:
        for block in copy:
            piece += block
            if len(piece) >= _PIECE_BYTES:
                pieces.append(bytes(piece))
                piece.clear()
    return [*pieces, bytes(piece)]


def _in(connection: Connection, tables: Mapping[str, Sequence[bytes]]) -> None:
    """Copy every table in, in one transaction."""
    with connection.transaction(), connection.cursor() as cursor:
        for table, pieces in tables.items():
            _copy_in(cursor, table, pieces)


def _copy_in(cursor: Cursor, table: str, pieces: Sequence[bytes]) -> None:
    with cursor.copy(f"COPY {table} FROM STDIN".encode()) as copy:
        for piece in pieces:
            copy.write(piece)
