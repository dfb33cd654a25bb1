"""Brings the database to the newest schema; safe to run from several hosts at once."""

import os
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from storage.urls import with_driver

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


def main() -> int:
    """Migrate the configured database: 0 when it is at the newest schema, 2 when none is configured."""
    url = os.environ.get("DARKROOM_DATABASE_URL")
    if not url:
        sys.stderr.write("DARKROOM_DATABASE_URL is not set: name the PostgreSQL database to migrate\n")
        return 2
    migrate(with_driver(url))
    return 0


if __name__ == "__main__":
    sys.exit(main())
