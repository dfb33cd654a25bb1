"""Runs one of Darkroom's own commands with the parts of its runtime wrapped: it dies at chosen points.

``python -m tests.chaos.saboteur celery -A workers.app:app worker ...``. The product knows nothing of
it: what is wrapped are the methods of the protocols, on the parts that ``services.build.build`` hands out.
"""

import os
import runpy
import sys
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, cast

from outbound.callbacks import Answer, Sender
from outbound.download import Download, Downloader
from providers.base import Accepted, NotAccepted, OutcomeUnknown, Provider, Submission
from services import build as building
from services.runtime import Runtime
from services.settings import Settings
from storage.objects.base import ObjectStore
from tests.chaos.strikes import Strikes


class Wrapped:
    """A part of the runtime; whatever is not wrapped goes straight to it."""

    def __init__(self, part: Any, strikes: Strikes) -> None:  # noqa: ANN401 - any part
        self._part = part
        self._strikes = strikes

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any attribute of any part
        return getattr(self._part, name)


class WrappedProvider(Wrapped):
    """Dies around the one POST, and keeps a journal of what was on the wire."""

    _part: Provider

    def submit(self, submission: Submission) -> Accepted:
        """As the provider does it, if it comes to that."""
        self._strikes.reach("submit.before")
        self._strikes.note(token=submission.token, what="begun")
        with self._strikes.during("submit.during"):
            accepted = self._submit(submission)
        self._strikes.reach("submit.after")
        return accepted

    def _submit(self, submission: Submission) -> Accepted:
        try:
            accepted = self._part.submit(submission)
        except NotAccepted:
            self._strikes.note(token=submission.token, what="refused")
            raise
        except OutcomeUnknown:
            self._strikes.note(token=submission.token, what="unknown")
            raise
        self._strikes.note(token=submission.token, what="accepted")
        return accepted


class WrappedStore(Wrapped):
    """Dies in the middle of an upload, before it returns, and after it."""

    _part: ObjectStore

    def put(self, key: str, path: Path, *, content_type: str, sha256: str) -> None:
        """As the store does it."""
        with self._strikes.during("put.during"):
            self._part.put(key, path, content_type=content_type, sha256=sha256)
        self._strikes.reach("put.after")


class WrappedDownloader(Wrapped):
    """Dies in the middle of a download."""

    _part: Downloader

    def fetch(self, url: str, into: Path, **more: Any) -> Download:  # noqa: ANN401 - handed on
        """As the downloader does it."""
        with self._strikes.during("fetch.during"):
            return self._part.fetch(url, into, **more)


class WrappedSender(Wrapped):
    """Dies before a callback goes out, and after it was answered."""

    _part: Sender

    def begin(self, url: str, body: bytes, headers: Mapping[str, str], *, patience: float) -> Future[Answer]:
        """As the sender does it; who waits for the answer hears of it after this here."""
        self._strikes.reach("post.before")
        answer = self._part.begin(url, body, headers, patience=patience)
        answer.add_done_callback(lambda _: self._strikes.reach("post.after"))
        return answer


def wrapped(runtime: Runtime, strikes: Strikes) -> Runtime:
    """The same parts, each of which may be the end of its process."""
    return replace(
        runtime,
        providers={name: WrappedProvider(one, strikes) for name, one in runtime.providers.items()},
        objects=WrappedStore(runtime.objects, strikes),
        downloader=cast("Downloader", WrappedDownloader(runtime.downloader, strikes)),
        sender=cast("Sender", WrappedSender(runtime.sender, strikes)),
    )


def main(command: list[str]) -> None:
    """Run ``command`` in this process: ``python -m MODULE``, or a script that some package has installed."""
    strikes, plainly = Strikes.found(os.environ), building.build

    def build(settings: Settings | None = None) -> Runtime:
        return wrapped(plainly(settings), strikes)

    building.build = build
    if command[:2] == ["python", "-m"]:
        sys.argv = command[2:]
        runpy.run_module(command[2], run_name="__main__", alter_sys=True)
        return
    sys.argv = command
    [script] = entry_points(group="console_scripts", name=command[0])
    sys.exit(script.load()())


if __name__ == "__main__":
    main(sys.argv[1:])
