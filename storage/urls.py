"""The spelling of a PostgreSQL address that the database driver takes."""

from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_DRIVER: Final = "postgresql+psycopg://"
_SPELLINGS: Final = ("postgres://", "postgresql://", _DRIVER)

# The connection parameters that asyncpg reads as libpq does (its `connect`, "dsn").
_SHARED: Final = frozenset(
    (
        *("dbname", "host", "password", "passfile", "port", "user", "options", "target_session_attrs"),
        *("sslmode", "sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl", "sslnegotiation"),
        *("ssl_min_protocol_version", "ssl_max_protocol_version", "krbsrvname", "gsslib"),
    )
)


def with_driver(url: str) -> str:
    """``url`` as SQLAlchemy wants it, from the common spellings.

    Raises:
        ValueError: it is not a PostgreSQL address.
    """
    for spelling in _SPELLINGS:
        if url.startswith(spelling):
            return _DRIVER + url.removeprefix(spelling)
    raise ValueError("must be a PostgreSQL address: postgresql://user:password@host:5432/database")


def for_asyncpg(url: str) -> str:
    """``url`` as asyncpg takes it: without what only libpq understands, which it would tell the server."""
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name in _SHARED]
    return urlunsplit(parts._replace(scheme="postgresql", query=urlencode(kept)))
