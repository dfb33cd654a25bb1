"""What reading a batch is measured against: PostgreSQL's own COPY of the very rows that it wrote."""

import time
from typing import Final
from uuid import UUID

import psycopg

from bench.history import Connection

_TABLES: Final = ("jobs", "batch_waits")
_PIECE_BYTES: Final = 1 << 20


def copy_seconds(database_url: str, batch_id: str) -> float:
    """Seconds to copy a batch's rows into empty tables with the same indexes, in one transaction.

    The tables have neither the triggers nor the foreign keys of the real ones.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        held = {table: _rows(connection, table, batch_id) for table in _TABLES}
        connection.execute("CREATE SCHEMA plain")
        for table in _TABLES:
            connection.execute(f"CREATE TABLE plain.{table} (LIKE public.{table} INCLUDING ALL)".encode())
        begun = time.perf_counter()
        with connection.transaction():
            for table, pieces in held.items():
                with connection.cursor().copy(f"COPY plain.{table} FROM STDIN".encode()) as copy:
                    for piece in pieces:
                        copy.write(piece)
        seconds = time.perf_counter() - begun
        connection.execute("DROP SCHEMA plain CASCADE")
    return seconds


def _rows(connection: Connection, table: str, batch_id: str) -> list[bytes]:
    """A batch's rows as COPY writes them, in pieces as large as are quick to send."""
    # COPY takes no parameters; an id that is no id does not get past the first line.
    wanted = f"COPY (SELECT * FROM {table} WHERE batch_id = '{UUID(batch_id)}' ORDER BY row_number) TO STDOUT"  # noqa: S608
    pieces, piece = list[bytes](), bytearray()
    with connection.cursor().copy(wanted.encode()) as copy:
        for block in copy:
            piece += block
            if len(piece) >= _PIECE_BYTES:
                pieces.append(bytes(piece))
                piece.clear()
    return [*pieces, bytes(piece)]
