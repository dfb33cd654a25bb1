"""Brings the database to the newest schema; safe to run from several hosts at once."""

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

# Any fixed number: whoever holds this advisory lock migrates, the others wait and find nothing to do.
_LOCK = 0x6461726B726F6F6D
_MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


def migrate(url: str, revision: str = "head") -> None:
    """Upgrade the database at ``url`` (a SQLAlchemy address) to ``revision``."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
            connection.commit()
            config = Config()
            config.set_main_option("script_location", str(_MIGRATIONS))
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
            connection.commit()
    finally:
        engine.dispose()


if __name__ == "__main__":
    migrate(sys.argv[1])
