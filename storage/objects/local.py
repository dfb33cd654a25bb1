"""The object store on a local directory, for the demo and for one machine; links lead to our own API."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from time import time
from typing import Any, BinaryIO, Final

from storage.objects.base import (
    Disposition,
    NoSuchObject,
    ObjectStat,
    StoreRefused,
    StoreUnavailable,
    WrongBytes,
    check_expiry,
)
from storage.objects.keys import check_key
from storage.objects.links import LinkSigner, LocalLink

_CHUNK_BYTES: Final = 1024 * 1024


class LocalStore:
    """Objects as files under ``root``; implements ObjectStore.

    The bytes lie under ``objects/``, what is known of them under ``facts/``. The facts are written last, each
    file by rename, so an object exists when its facts do, and a crash leaves nothing half stored.
    """

    def __init__(self, root: Path, secret: bytes, base_url: str) -> None:
        self._root = root
        self._signer = LinkSigner(secret, base_url)

    def put(self, key: str, path: Path, *, content_type: str, sha256: str) -> None:
        """Copy ``path`` into the store, see ObjectStore."""
        target, facts = self._object(key), self._facts(key)
        known = self._read_facts(key)
        if known is not None and (known["sha256"], known["content_type"]) == (sha256, content_type):
            return
        with _translated(self._root):
            with path.open("rb") as source, _replacing(target) as copy:
                digest = _copy(source, copy)
                if digest != sha256:
                    raise WrongBytes(f"{key}: the file's SHA-256 is {digest}, not {sha256}")
            kept = {"bytes": target.stat().st_size, "content_type": content_type, "sha256": sha256}
            with _replacing(facts) as file:
                file.write(json.dumps(kept).encode())

    def link(
        self, key: str, *, expires_seconds: int, filename: str, disposition: Disposition, content_type: str
    ) -> str:
        """A signed URL of the API's ``/files/`` route, see ObjectStore."""
        expires = int(time()) + check_expiry(expires_seconds)
        return self._signer.link(
            check_key(key),
            expires=expires,
            filename=filename,
            disposition=disposition,
            content_type=content_type,
        )

    def verify(self, key: str, params: Mapping[str, str], now: datetime) -> LocalLink:
        """What a link grants, for the route that serves it; raises LinkInvalid or LinkExpired.

        ``params`` are the query parameters as they came, decoded; ``now`` is aware.
        """
        return self._signer.verify(key, params, now)

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        """The bytes as a file, see ObjectStore."""
        with _translated(self._root):
            file = self.path(key).open("rb")
        with file:
            yield file

    def path(self, key: str) -> Path:
        """Where the bytes lie, for a route that serves ranges of them; raises NoSuchObject."""
        if self.stat(key) is None:
            raise NoSuchObject(f"{key}: nothing is stored")
        return self._object(key)

    def stat(self, key: str) -> ObjectStat | None:
        """Size and type, see ObjectStore."""
        facts = self._read_facts(key)
        return None if facts is None else ObjectStat(facts["bytes"], facts["content_type"])

    def delete(self, key: str) -> None:
        """Remove facts and bytes, in this order, see ObjectStore."""
        with _translated(self._root):
            self._facts(key).unlink(missing_ok=True)
            self._object(key).unlink(missing_ok=True)

    def check(self) -> None:
        """Write and remove a file; the error says what to do."""
        probe = self._root / "check"
        with _translated(self._root):
            with _replacing(probe) as file:
                file.write(b"ok")
            probe.unlink(missing_ok=True)

    def _object(self, key: str) -> Path:
        return self._root / "objects" / check_key(key)

    def _facts(self, key: str) -> Path:
        return self._root / "facts" / f"{check_key(key)}.json"

    def _read_facts(self, key: str) -> dict[str, Any] | None:
        with _translated(self._root):
            try:
                facts: dict[str, Any] = json.loads(self._facts(key).read_bytes())
                size = self._object(key).stat().st_size
            except (FileNotFoundError, NotADirectoryError):
                return None
        return facts if facts["bytes"] == size else None


def _copy(source: BinaryIO, copy: BinaryIO) -> str:
    sha256 = hashlib.sha256()
    while chunk := source.read(_CHUNK_BYTES):
        sha256.update(chunk)
        copy.write(chunk)
    return sha256.hexdigest()


@contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of ``target`` at the end, on the disk for certain, or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_directory(target.parent)


def _sync_directory(directory: Path) -> None:
    """Make a rename survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated(root: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise StoreRefused(f"{error.filename}: no permission; let this user write under {root}") from error
    except OSError as error:
        raise StoreUnavailable(f"the object store under {root} cannot be used: {error}") from error
