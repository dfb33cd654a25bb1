"""The spelling of a PostgreSQL address that the database driver takes."""

from typing import Final

_DRIVER: Final = "postgresql+psycopg://"
_SPELLINGS: Final = ("postgres://", "postgresql://", _DRIVER)


def with_driver(url: str) -> str:
    """``url`` as SQLAlchemy wants it, from the common spellings.

    Raises:
        ValueError: it is not a PostgreSQL address.
    """
    for spelling in _SPELLINGS:
        if url.startswith(spelling):
            return _DRIVER + url.removeprefix(spelling)
    raise ValueError("must be a PostgreSQL address: postgresql://user:password@host:5432/database")
