"""Bringing one file to its place: by a new link, checked while it arrives, renamed once it is right."""

import hashlib
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import BinaryIO, Final, Self

import httpx

from cli.batches.made import MadeFile
from cli.batches.whole_files import written
from cli.client import Client
from cli.errors import Failed, NotAllowed, Unreachable

_PAUSES_SECONDS: Final = (0.5, 1.0)
_AWAY_SECONDS: Final = 60.0
_CHUNK_BYTES: Final = 256 * 1024
_GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0)

Advance = Callable[[int], object]


class WrongBytes(Exception):  # noqa: N818 - names the fact
    """What arrived is not the file."""


class Transfer:
    """Brings files of one Darkroom into one folder; may be used by several threads at once.

    ``advance`` is told of each byte; once ``stop`` is set, what goes on breaks off.
    """

    def __init__(self, client: Client, folder: Path, advance: Advance, stop: Event) -> None:
        self._client = client
        self._folder = folder
        self._advance = advance
        self._stop = stop
        # Links are signed and lead to another host: the key stays here.
        self._http = httpx.Client(
            timeout=_TIMEOUT, limits=httpx.Limits(), follow_redirects=True, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def bring(self, file: MadeFile) -> bool:
        """Have the file in its place; whether it had to be fetched.

        Raises:
            Failed: it cannot be fetched.
            Refused: Darkroom has not got it any more.
            Unreachable: Darkroom was away too long, or does not take the key.
            Misused: the folder cannot be written.
        """
        path = self._folder / file.path
        if _is_there(path, file):
            self._advance(file.bytes)
            return False
        pauses = iter(_PAUSES_SECONDS)
        while True:
            try:
                self._fetch(self._link(file), path, file)
            except (httpx.HTTPError, WrongBytes) as error:
                pause = next(pauses, None)
                if pause is None or _is_gone(error) or self._stop.wait(pause):
                    raise Failed(_reason(error)) from error
            else:
                return True

    def _link(self, file: MadeFile) -> str:
        """A new link; asked for again while Darkroom is away."""
        deadline = time.monotonic() + _AWAY_SECONDS
        while True:
            try:
                return self._client.location(file.url)
            except NotAllowed:
                raise
            except Unreachable:
                if time.monotonic() >= deadline or self._stop.wait(_PAUSES_SECONDS[-1]):
                    raise

    def _fetch(self, link: str, path: Path, file: MadeFile) -> None:
        with written(path) as draft, self._http.stream("GET", link) as response:
            response.raise_for_status()
            self._receive(response, draft, file)

    def _receive(self, response: httpx.Response, draft: BinaryIO, file: MadeFile) -> None:
        digest, size = hashlib.sha256(), 0
        try:
            for chunk in response.iter_bytes(_CHUNK_BYTES):
                size += len(chunk)
                self._advance(len(chunk))
                if size > file.bytes or self._stop.is_set():
                    break
                draft.write(chunk)
                digest.update(chunk)
        except httpx.HTTPError:
            self._advance(-size)
            raise
        if size != file.bytes or digest.hexdigest() != file.sha256:
            self._advance(-size)
            raise WrongBytes


def _is_there(path: Path, file: MadeFile) -> bool:
    try:
        if path.stat().st_size != file.bytes:
            return False
        with path.open("rb") as there:
            return hashlib.file_digest(there, "sha256").hexdigest() == file.sha256
    except OSError:
        return False


def _is_gone(error: Exception) -> bool:
    """Whether the store has not got the file: asking again changes nothing."""
    return isinstance(error, httpx.HTTPStatusError) and error.response.status_code in _GONE


def _reason(error: Exception) -> str:
    """What went wrong without the link: it is signed, and whoever has it has the file."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"the store answered {error.response.status_code}"
    if isinstance(error, WrongBytes):
        return "what arrived has not the bytes that its job made: it is not kept"
    return f"the transfer broke off ({type(error).__name__})"
