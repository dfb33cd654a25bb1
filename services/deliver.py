"""Telling customers: deliveries are taken, signed and sent side by side, and what came of it is noted."""

import time
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import timedelta
from functools import partial
from threading import Condition
from typing import Final
from uuid import UUID

import structlog

from outbound.callbacks import Answer, sign
from services.runtime import Runtime
from services.secrets import Opened, SecretUnreadable
from services.tried import Given, Tried, TryBook
from storage.steps import telling
from storage.steps.telling import Telling

# How long a delivery waits for its turn at its host once it was taken, and is given back then.
PATIENCE: Final = 5.0
# A try is over 15 s after its turn has come; one whose worker died comes due again soon after that.
LEASE: Final = timedelta(seconds=25)

log = structlog.get_logger(__name__)


def deliver(runtime: Runtime, delivery_ids: Sequence[UUID], *, owner: str) -> None:
    """Try once each to tell customers, and return when it is written down."""
    courier = Courier(runtime)
    courier.begin(delivery_ids, owner=owner)
    courier.finish()


class Courier:
    """Has deliveries tried beside each other, and each on record as soon as it is over; safe in threads."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._secrets = Opened(runtime.secrets)
        self._book = TryBook(runtime)
        self._out = 0
        self._changed = Condition()

    def begin(self, delivery_ids: Sequence[UUID], *, owner: str) -> None:
        """Take deliveries and begin to send them; passes over what is done or in another worker's hands."""
        now = self._runtime.clock()
        with self._runtime.database.work() as session:
            taken = telling.take(session, delivery_ids, owner=owner, now=now, lease=LEASE)
        self.carry(taken, owner=owner)

    def carry(self, taken: Sequence[Telling], *, owner: str) -> None:
        """Begin to send deliveries that were taken."""
        for one in taken:
            try:
                future = self._send(one)
            except (SecretUnreadable, ValueError) as error:
                log.error("delivery_not_signed", delivery=str(one.id), reason=str(error))  # noqa: TRY400 - ours to say
                continue
            self._count(1)
            future.add_done_callback(partial(self._over, one, owner))

    def finish(self, seconds: float | None = None) -> None:
        """Wait until all is over and written down, for so many ``seconds`` at most."""
        end = None if seconds is None else time.monotonic() + seconds
        with self._changed:
            self._changed.wait_for(lambda: not self._out, seconds)
        self._book.close(None if end is None else max(end - time.monotonic(), 0.1))

    def _send(self, one: Telling) -> Future[Answer]:
        """One try, signed by every secret that is good now, the newest first."""
        body = one.body.encode()
        secrets = [self._secrets.open(each) for each in (one.signing_secret, one.former_secret) if each]
        headers = sign(secrets, str(one.event_id), self._runtime.clock(), body)
        return self._runtime.sender.begin(one.url, body, headers, patience=PATIENCE)

    def _over(self, one: Telling, owner: str, future: Future[Answer]) -> None:
        error = future.exception()
        if error is None:
            self._book.add(Tried(one, future.result()))
        elif isinstance(error, TimeoutError):
            self._book.add(Given(one.id, owner))
        else:
            # A fault of ours: it comes due again when its lease runs out.
            log.error("delivery_broke", delivery=str(one.id), exc_info=error)
        self._count(-1)

    def _count(self, by: int) -> None:
        with self._changed:
            self._out += by
            self._changed.notify_all()
