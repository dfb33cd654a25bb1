"""The embedded parts of one stack: which there are, where they are reached, and their start."""

from dataclasses import dataclass

from cli.stack.environment import Embedded, Plan
from cli.stack.folder import DataFolder
from cli.stack.ports import free_port
from cli.stack.postgres import Cluster
from cli.stack.sandbox import Sandbox
from cli.stack.supervisor import Supervisor
from cli.stack.valkey import Valkey
from cli.stack.waiting import wait_until

NAMES = ("postgres", "valkey", "sandbox")
# After a crash a server first replays its log.
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Services:
    """What is embedded; None for a part that is yours."""

    postgres: Cluster | None
    valkey: Valkey | None
    sandbox: Sandbox | None

    @classmethod
    def of(cls, plan: Plan, folder: DataFolder) -> "Services":
        """The parts that ``plan`` wants, each on a free port or a socket of its own."""
        return cls(
            postgres=Cluster.at(folder.postgres) if plan.database else None,
            valkey=Valkey.at(folder.valkey, free_port()) if plan.redis else None,
            sandbox=Sandbox.at(folder.sandbox) if plan.sandbox else None,
        )

    @property
    def reached(self) -> Embedded:
        """Their addresses."""
        return Embedded(
            database_url=None if self.postgres is None else self.postgres.url(),
            redis_url=None if self.valkey is None else self.valkey.url,
            sandbox_port=None if self.sandbox is None else self.sandbox.port,
        )

    def start(self, supervisor: Supervisor) -> None:
        """Start each and wait until it answers.

        Raises:
            StackError: one of them did not.
        """
        # The sandbox takes seconds to load: it does so while the others start.
        emulator = None if self.sandbox is None else supervisor.keep(self.sandbox.program())
        if self.postgres is not None:
            self.postgres.prepare()
            server = supervisor.keep(self.postgres.program())
            wait_until(self.postgres.answers, server, _PATIENCE_SECONDS)
            self.postgres.create_database()
        if self.valkey is not None:
            self.valkey.prepare()
            server = supervisor.keep(self.valkey.program())
            wait_until(self.valkey.answers, server, _PATIENCE_SECONDS)
        if self.sandbox is not None and emulator is not None:
            wait_until(self.sandbox.answers, emulator, _PATIENCE_SECONDS)
