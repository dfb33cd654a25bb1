"""Commits that wait: whoever changes the rows of projects holds up every new job."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import text

from services.runtime import Runtime
from storage.database import Session
from tests.support.until import until

# Not pg_stat_activity: that stands still within a transaction.
_WAITING = "SELECT pid FROM pg_locks WHERE NOT granted"


@dataclass(frozen=True, slots=True)
class Held:
    """What holds the commits up."""

    session: Session

    def wait_for_a_commit(self) -> None:
        """Come back when one is on its way."""
        until(lambda: self.session.connection().execute(text(_WAITING)).first(), "a commit that waits")

    def cut_it_off(self) -> None:
        """End the connections of those that are."""
        cut = text(f"SELECT pg_terminate_backend(pid) FROM ({_WAITING}) AS waiting")  # noqa: S608 - a constant
        self.session.connection().execute(cut)


@contextmanager
def project_held(runtime: Runtime) -> Iterator[Held]:
    """No new job is committed before the block ends."""
    with runtime.database.work() as session:
        session.connection().execute(text("SELECT 1 FROM projects FOR UPDATE"))
        yield Held(session)
