"""What outlives the process: rows in one SQLite file of a folder, or none where no folder is given."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Protocol

JsonObject = dict[str, Any]
# Part of the file's name: a version that writes rows in another form starts a file of its own.
_FORM: Final = 1
_OWNER_ONLY: Final = 0o700
_DECIMAL: Final = "sandbox.decimal"
# Another sandbox on this folder may be about to end.
_PATIENCE_SECONDS: Final = 3.0
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS kept (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    over_at REAL,
    content TEXT NOT NULL,
    UNIQUE (kind, key)
)
"""
_PUT: Final = """
INSERT INTO kept (kind, key, over_at, content) VALUES (?, ?, ?, ?)
ON CONFLICT (kind, key) DO UPDATE SET over_at = excluded.over_at, content = excluded.content
"""


class Archive(Protocol):
    """Rows of a kind, each under a key; what was put is there after any end of the process."""

    def put(
        self, kind: str, key: str, content: Callable[[], JsonObject], over_at: datetime | None = None
    ) -> None:
        """Keep a row, in the place of an earlier one of this key.

        ``over_at`` is the time after which it only grows old; without one it is kept for good.
        """
        ...

    def rows(self, kind: str) -> Iterator[JsonObject]:
        """Every row of a kind, in the order in which their keys first came."""
        ...

    def drop(self, before: datetime | None = None) -> None:
        """Forget the rows that were over before this time, or all but those that are kept for good."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class NoArchive:
    """Keeps nothing, and does not even have the content made."""

    def put(
        self, kind: str, key: str, content: Callable[[], JsonObject], over_at: datetime | None = None
    ) -> None:
        """Do nothing."""

    def rows(self, kind: str) -> Iterator[JsonObject]:  # noqa: ARG002 - there are none of any kind
        """Nothing."""
        return iter(())

    def drop(self, before: datetime | None = None) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class FolderArchive:
    """Rows in a file that this process alone has open.

    What ``put`` has returned from survives a ``kill -9``: it is with the operating system by then. A write
    that was torn is not in the file's checksummed log, so the next start does not see it.

    Raises:
        sqlite3.Error: another process has the file, or it is damaged.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
        # Made in one thread and used in the one that serves, never in both at once.
        self._file = sqlite3.connect(
            folder / f"sandbox-{_FORM}.sqlite",
            timeout=_PATIENCE_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        # Exclusive keeps a second sandbox out, and needs no shared memory; normal waits for the disk only now
        # and then, which is enough where the machine itself stays up.
        for setting in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=NORMAL"):
            self._file.execute(f"PRAGMA {setting}")
        self._file.execute(_TABLE)

    def put(
        self, kind: str, key: str, content: Callable[[], JsonObject], over_at: datetime | None = None
    ) -> None:
        """Write the row, in a transaction of its own."""
        over = None if over_at is None else over_at.timestamp()
        self._file.execute(_PUT, (kind, key, over, dumps(content())))

    def rows(self, kind: str) -> Iterator[JsonObject]:
        """Read the rows one by one."""
        found = self._file.execute("SELECT content FROM kept WHERE kind = ? ORDER BY number", (kind,))
        return (loads(content) for (content,) in found)

    def drop(self, before: datetime | None = None) -> None:
        """Delete rows; the file does not shrink, but what comes next takes their place."""
        if before is None:
            self._file.execute("DELETE FROM kept WHERE over_at IS NOT NULL")
        else:
            self._file.execute("DELETE FROM kept WHERE over_at < ?", (before.timestamp(),))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def dumps(content: JsonObject) -> str:
    """JSON in which Decimals stay what they are, and infinity is allowed."""
    return json.dumps(content, default=_marked, separators=(",", ":"))


def loads(text: str) -> JsonObject:
    """Read what ``dumps`` wrote."""
    content: JsonObject = json.loads(text, object_hook=_unmarked)
    return content


def _marked(value: object) -> JsonObject:
    if isinstance(value, Decimal):
        return {_DECIMAL: str(value)}
    raise TypeError(f"{type(value).__name__} has no form in the archive")


def _unmarked(found: JsonObject) -> object:
    return Decimal(found[_DECIMAL]) if found.keys() == {_DECIMAL} else found
