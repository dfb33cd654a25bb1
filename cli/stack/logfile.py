"""A process's log on disk, kept to a bounded size."""

from pathlib import Path

MOST_BYTES = 20_000_000


class LogFile:
    """Appends lines to one file; when it has grown too large it becomes ``<name>.1`` and a new one begins."""

    def __init__(self, path: Path, *, most_bytes: int = MOST_BYTES) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        self._most = most_bytes
        self._file = path.open("a", encoding="utf-8")

    def write(self, line: str) -> None:
        """Append one line."""
        if self._file.tell() > self._most:
            self._file.close()
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            self._file = self._path.open("a", encoding="utf-8")
        self._file.write(f"{line}\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
