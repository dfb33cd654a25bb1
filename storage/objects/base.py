"""The protocol of an object store, with its values and its errors."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal, Protocol

Disposition = Literal["inline", "attachment"]

LONGEST_LINK_SECONDS: Final = 7 * 24 * 3600  # what S3's signatures allow


class StoreError(Exception):
    """What a store can answer besides its value.

    StoreError
    ├── StoreUnavailable   it cannot be reached or used just now: try again
    └── StoreRefused       it will keep refusing until someone changes something; the message says what
        ├── NoSuchObject   nothing is stored under the key
        └── WrongBytes     the file, or what was stored, is not what its SHA-256 says
    """


class StoreUnavailable(StoreError):  # noqa: N818 - names the fact
    """The store cannot be reached or used just now."""


class StoreRefused(StoreError):  # noqa: N818 - names the fact
    """The store answered, and will answer the same again: no access, no such bucket, wrong region."""


class NoSuchObject(StoreRefused):
    """Nothing is stored under the key."""


class WrongBytes(StoreRefused):
    """The bytes are not those that the given SHA-256 names; nothing was stored."""


@dataclass(frozen=True, slots=True)
class ObjectStat:
    """What is stored under a key."""

    bytes: int
    content_type: str


class ObjectStore(Protocol):
    """Files by key. Every call raises StoreUnavailable or StoreRefused; a malformed key is a ValueError."""

    def put(self, key: str, path: Path, *, content_type: str, sha256: str) -> None:
        """Store ``path`` with constant memory; again with the same bytes changes nothing.

        ``sha256`` in hexadecimal is checked against the file on the way and, where the store can, there too;
        raises WrongBytes when it does not match.
        """
        ...

    def link(
        self, key: str, *, expires_seconds: int, filename: str, disposition: Disposition, content_type: str
    ) -> str:
        """A URL, signed now, by which anyone can read the object for ``expires_seconds`` (1 s to 7 days)."""
        ...

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """The bytes as a stream to read once; raises NoSuchObject."""
        ...

    def stat(self, key: str) -> ObjectStat | None:
        """Size and type of what is stored; None where nothing is."""
        ...

    def delete(self, key: str) -> None:
        """Remove the object; nothing happens where there is none."""
        ...

    def check(self) -> None:
        """Prove that the store can be used; the error says what to do."""
        ...


def check_expiry(seconds: int) -> int:
    """``seconds``, or ValueError outside of what a link may last."""
    if not 1 <= seconds <= LONGEST_LINK_SECONDS:
        raise ValueError(f"a link lasts from 1 to {LONGEST_LINK_SECONDS} seconds, not {seconds}")
    return seconds
