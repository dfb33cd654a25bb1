"""A real PostgreSQL for tests: one server per test process, and as many databases as the tests want."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

from cli.stack.postgres import Cluster
from tests.support.required import require
from tests.support.running import running

DEBIAN_BINARIES = Path("/usr/lib/postgresql/15/bin")


@dataclass(slots=True)
class Postgres:
    """A running server."""

    cluster: Cluster
    _numbers: Iterator[int] = field(default_factory=count)

    def template(self, prepare: Callable[[str], None]) -> str:
        """Make a database, let ``prepare`` fill it (it gets the URL), and answer its name, to be copied."""
        name = f"template_{next(self._numbers)}"
        self.cluster.create_database(name)
        prepare(self.cluster.url(name))
        return name

    def database(self, template: str = "template1") -> str:
        """The URL of a new database, copied from ``template``: fast, and as fresh as it gets."""
        name = f"test_{next(self._numbers)}"
        # Copied as files: far less work than through the log, where nothing must survive a power cut.
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        self._run(copy.format(sql.Identifier(name), sql.Identifier(template)))
        return self.cluster.url(name)

    def drop(self, url: str) -> None:
        """Drop a database, with whatever is still connected to it."""
        name = url.rpartition("/")[2].partition("?")[0]
        self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(plain(self.cluster.url("postgres")), autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def postgres_server(folder: Path, binaries: Path | None = None) -> Iterator[Postgres]:
    """A server on a new cluster under ``folder``: the embedded one, or that of other ``binaries``."""
    cluster = Cluster.at(folder / "postgres", binaries)
    cluster.prepare()
    # A test's database need not survive a power cut; everything else is as in production.
    program = cluster.program(fsync="off", synchronous_commit="off", full_page_writes="off")
    with running(program, cluster.answers, folder / "logs"):
        yield Postgres(cluster)


@contextmanager
def debian_postgres(folder: Path) -> Iterator[Postgres]:
    """Debian's PostgreSQL 15, the oldest version that is supported."""
    require(DEBIAN_BINARIES.exists(), f"PostgreSQL 15 in {DEBIAN_BINARIES} (apt-get install postgresql-15)")
    with postgres_server(folder, DEBIAN_BINARIES) as server:
        yield server


def plain(url: str) -> str:
    """A SQLAlchemy URL as psycopg itself understands it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)
