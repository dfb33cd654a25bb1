"""The embedded sandbox: both providers' emulator, on a folder and a port that it keeps."""

import os
from dataclasses import dataclass
from pathlib import Path

from cli.stack import applications
from cli.stack.child import Program
from cli.stack.ports import can_listen, lasting_port, listening

_OWNER_ONLY = 0o700


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One sandbox; it stays on its port over a restart, since running jobs hold addresses of it."""

    folder: Path
    port: int

    @classmethod
    def at(cls, folder: Path) -> "Sandbox":
        """The sandbox in ``folder``, on the port that it had; on another one where that is taken."""
        folder.mkdir(mode=_OWNER_ONLY, exist_ok=True)
        note = folder / "port"
        kept = note.read_text(encoding="ascii").strip() if note.exists() else ""
        if kept.isdigit() and can_listen(int(kept)):
            return cls(folder, int(kept))
        port = lasting_port()
        draft = note.with_name(f".port.{os.getpid()}")
        draft.write_text(f"{port}\n", encoding="ascii")
        draft.replace(note)
        return cls(folder, port)

    def program(self) -> Program:
        """The server process."""
        return applications.sandbox(self.port, self.folder)

    def answers(self) -> bool:
        """Whether it takes connections."""
        return listening(self.port)
