"""What it looks like when the database does not answer."""

from typing import Final

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from storage.database import DatabaseUnavailable

# Refused or lost connections, a pool with none to give, and retries that were in vain.
DATABASE_AWAY: Final[tuple[type[Exception], ...]] = (
    OperationalError,
    InterfaceError,
    PoolTimeout,
    DatabaseUnavailable,
)
