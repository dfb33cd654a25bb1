"""The data folder: where the stack keeps its parts, its logs and the secrets that it makes once."""

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from cli.stack.failures import StackError

_OWNER_ONLY_FOLDER = 0o700
_OWNER_ONLY_FILE = 0o600
_REMEDY = "set DARKROOM_DATA_DIR to a folder of your own"


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Absolute paths under ``DARKROOM_DATA_DIR``."""

    root: Path

    @classmethod
    def at(cls, path: Path) -> "DataFolder":
        """The folder at ``path``, made (for its owner only) when it is not there yet.

        Raises:
            StackError: it cannot be made or written.
        """
        root = path.expanduser().resolve()
        try:
            root.mkdir(mode=_OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
            # Asking for the right to write is not the same as writing: a volume may be read-only.
            TemporaryFile(dir=root).close()
        except OSError as error:
            reason = f"cannot be written ({error.strerror})"
            raise StackError(f"the data folder {root} {reason}; {_REMEDY}") from error
        return cls(root)

    @property
    def postgres(self) -> Path:
        """The embedded PostgreSQL's cluster."""
        return self.root / "postgres"

    @property
    def valkey(self) -> Path:
        """The embedded Valkey's append-only file and configuration."""
        return self.root / "valkey"

    @property
    def sandbox(self) -> Path:
        """What the embedded sandbox took, and the port that it keeps."""
        return self.root / "sandbox"

    @property
    def running(self) -> Path:
        """A note of each process that runs."""
        return self.root / "running"

    @property
    def objects(self) -> Path:
        """Assets, where no bucket is named."""
        return self.root / "objects"

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.root / "logs"

    @property
    def lock(self) -> Path:
        """Held by the one stack that may run on this folder."""
        return self.root / "lock"

    @property
    def api_key(self) -> Path:
        """The first API key, written by the bootstrap."""
        return self.root / "api-key"

    @property
    def flower_auth(self) -> Path:
        """Flower's generated ``user:password``."""
        return self.root / "flower-auth"

    @property
    def secret_key(self) -> Path:
        """The generated key for signing and encrypting."""
        return self.root / "secret-key"


def kept_secret(path: Path, prefix: str = "") -> str:
    """The secret in ``path``, made at first use (``prefix`` and 32 random bytes) for its owner only."""
    with suppress(FileExistsError):
        write_private(path, f"{prefix}{secrets.token_urlsafe(32)}\n")
    return path.read_text(encoding="utf-8").strip()


def write_private(path: Path, text: str) -> None:
    """Make ``path`` with ``text``, readable by its owner only.

    Raises:
        FileExistsError: the file is there already; it is left as it is.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY_FILE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    try:
        # A link appears whole or not at all: a crash between these lines leaves no empty secret behind.
        os.link(draft, path)
    finally:
        draft.unlink()
