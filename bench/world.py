"""What every measurement stands on: a folder, real servers of its own, and processes that end with it."""

import io
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

from cli.stack.child import Child, Program
from cli.stack.console import Console
from cli.stack.failures import StackError
from cli.stack.ports import free_port
from cli.stack.postgres import Cluster
from cli.stack.reaper import Reaper
from cli.stack.valkey import Valkey
from cli.stack.waiting import wait_until
from storage.migrate import migrate

ROOT: Final = Path(__file__).resolve().parents[1]
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 25.0
# Whatever the user has set for a Darkroom of their own must not reach the one that is measured.
_SETTINGS: Final = ("DARKROOM_", "FAL_", "LINKMODEL_", "AWS_")


@dataclass(frozen=True, slots=True)
class Server:
    """A server of ours: its address and the process to charge its CPU to."""

    url: str
    child: Child


@dataclass(slots=True)
class World:
    """One run of the benchmark. ``rounds`` is how often each figure is taken, ``jobs`` how many are open."""

    folder: Path
    rounds: int
    jobs: int
    quick: bool
    say: Callable[[str], None]
    _numbers: Iterator[int] = field(default_factory=count)

    def own_folder(self, name: str) -> Path:
        """A new folder in the run's own."""
        made = self.folder / f"{name}-{next(self._numbers)}"
        made.mkdir()
        return made

    @contextmanager
    def postgres(self) -> Iterator[Server]:
        """A fresh PostgreSQL as ``darkroom up`` runs it (so with fsync), with the schema in it."""
        folder = self.own_folder("postgres")
        cluster = Cluster.at(folder / "data")
        cluster.prepare()
        with self.running(cluster.program(), os.environ, answers=cluster.answers) as child:
            cluster.create_database()
            migrate(cluster.url())
            yield Server(cluster.url(), child)

    @contextmanager
    def valkey(self) -> Iterator[Server]:
        """A fresh Valkey as ``darkroom up`` runs it."""
        server = Valkey.at(self.own_folder("valkey"), free_port())
        server.prepare()
        with self.running(server.program(), os.environ, answers=server.answers) as child:
            yield Server(server.url, child)

    @contextmanager
    def running(
        self, program: Program, environment: Mapping[str, str], *, answers: Callable[[], bool] | None = None
    ) -> Iterator[Child]:
        """``program`` until the block ends, from when it answers; it ends with us even when we are killed."""
        reaper = Reaper()
        logs = self.folder / "logs"
        child = Child(program, environment, Console(io.StringIO()), logs)
        reaper.watch(child)
        try:
            if answers is not None:
                wait_until(answers, child, _START_SECONDS)
            yield child
        finally:
            child.ask_to_stop()
            child.wait(_STOP_SECONDS)
            child.clear()
            reaper.forget(child)
            reaper.close()

    def run(self, program: Program, environment: Mapping[str, str]) -> None:
        """Run a step to its end.

        Raises:
            StackError: it failed; the error carries what it said last.
        """
        with self.running(program, environment) as child:
            while not child.wait(_STOP_SECONDS):
                pass
            if child.poll() != 0:
                raise StackError(f"{program.name} failed with exit code {child.poll()}", child.last_lines)

    def pause(self, seconds: float) -> None:
        """Let the processes work."""
        time.sleep(seconds)

    def environment(self, database_url: str, redis_url: str, **more: str) -> dict[str, str]:
        """What a process of Darkroom is told: these servers, and nothing of the user's own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
        return kept | {
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "DARKROOM_DATABASE_URL": database_url,
            "DARKROOM_REDIS_URL": redis_url,
            "DARKROOM_DATA_DIR": str(self.own_folder("var")),
            "DARKROOM_SECRET_KEY": secrets.token_urlsafe(32),
            "DARKROOM_PORT": str(free_port()),
            **more,
        }
