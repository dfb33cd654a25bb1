"""The fal account's memory: requests by id, the verdicts they came to, and which apps are warm."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from sandbox.core import Core
from sandbox.fal import bills, endpoints, outputs, rows
from sandbox.fal.paths import app_id
from sandbox.fal.record import FalRequest
from sandbox.fal.timeline import IN_QUEUE, Course, lay_out
from sandbox.fal.verdict import Verdict, reach
from sandbox.invoice import Line
from sandbox.scenarios import FAL, Script

_COLD_SECONDS: Final = 3.0
_QUEUED: Final = 3


@dataclass(frozen=True, slots=True)
class Order:
    """What a submit asks for, read from its path, body, query and headers."""

    endpoint_id: str
    arguments: dict[str, Any]
    script: Script
    base_url: str
    webhook: str | None = None
    start_timeout: float | None = None
    stored: bool = True


class FalBook:
    """Every request that was accepted, and what became of it."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._requests: dict[str, FalRequest] = {}
        self._verdicts: dict[str, Verdict] = {}
        self._warm: dict[str, tuple[datetime, datetime]] = {}
        for row in core.archive.rows(FAL):
            self._remember(*rows.read(row))

    def __iter__(self) -> Iterator[FalRequest]:
        """The requests in the order in which they came."""
        return iter(self._requests.values())

    def get(self, request_id: str) -> FalRequest | None:
        """The request of this id; None if there is none."""
        return self._requests.get(request_id)

    def waiting(self, app: str) -> int:
        """How many requests to an app are queued now."""
        now = self.core.clock.now()
        return sum(record.app == app and record.state(now) == IN_QUEUE for record in self)

    def accept(self, order: Order) -> FalRequest:
        """Take a request; from here on it runs, and may cost something, whatever the caller hears of it."""
        found = endpoints.find(order.endpoint_id, order.arguments)
        endpoint = endpoints.priced(found, self.core.config.fal_prices)
        app = app_id(order.endpoint_id)
        request_id = self.core.new_id()
        record = FalRequest(
            id=request_id,
            app=app,
            endpoint=endpoint,
            arguments=order.arguments,
            script=order.script,
            timeline=lay_out(self._course(order, app, video=endpoint.kind == "video")),
            submitted_at=self.core.clock.now(),
            base_url=order.base_url,
            gateway_ids=(request_id, self.core.new_id()),
            webhook=order.webhook,
            stored=order.stored,
        )
        self._requests[request_id] = record
        self.keep(record)
        return record

    def keep(self, record: FalRequest) -> None:
        """Put a request, as it is now, where a later process finds it."""
        erased = self._verdicts[record.id] if record.erased else None
        content = partial(rows.written, record, erased)
        self.core.archive.put(FAL, record.id, content, record.ended_at or record.submitted_at)

    def cancel(self, record: FalRequest) -> None:
        """End a request now."""
        record.cancelled_at = self.core.clock.now()
        self.keep(record)

    def verdict(self, record: FalRequest) -> Verdict:
        """The end of a request that is over, with its output; the same each time."""
        known = self._verdicts.get(record.id)
        if known is None:
            known = reach(record)
            if known.succeeded:
                known = dataclasses.replace(known, body=outputs.make(self.core, record))
            self._verdicts[record.id] = known
        return known

    def erase(self, record: FalRequest) -> list[str]:
        """Forget input, output and files, keep the amounts; returns the links that stopped working."""
        verdict = self.verdict(record)
        gone = outputs.links(verdict.body)
        for link in gone:
            self.core.media.remove(outputs.key_of(link))
        self._verdicts[record.id] = dataclasses.replace(verdict, body={})
        record.arguments, record.erased = {}, True
        self.keep(record)
        return gone

    def line(self, record: FalRequest) -> Line:
        """What the request costs, as far as it has come."""
        now = self.core.clock.now()
        verdict = self.verdict(record) if record.over(now) else None
        billed = verdict.billed if verdict else None
        nano = bills.charged(record, billed) if billed else 0
        made = verdict is not None and verdict.succeeded and not outputs.blanked(record)
        over, state = verdict is not None, record.state(now)
        return Line(record.id, FAL, record.endpoint.id, nano, nano > 0, over, state, made)

    def _remember(self, record: FalRequest, erased: Verdict | None) -> None:
        """Take in a request of an earlier process, and its files, to which links may be out."""
        record.base_url = self.core.links_base(record.base_url)
        self._requests[record.id] = record
        if erased is not None:
            self._verdicts[record.id] = erased
        elif record.over(self.core.clock.now()):
            self.verdict(record)

    def _course(self, order: Order, app: str, *, video: bool) -> Course:
        script, config = order.script, self.core.config
        run = script.seconds("slow", 20) or self.core.run_seconds(video=video)
        queued = int(script.seconds("queue", _QUEUED))
        waits = queued * config.queue_step_seconds
        return Course(
            run=run,
            cold=self._cold(app, script.seconds("cold", _COLD_SECONDS) or config.cold_seconds, waits, run),
            queued=queued,
            step=config.queue_step_seconds,
            regression=script.has("regression"),
            never_starts=script.has("start_timeout")
            or (script.has("stuck") and not script.has("stuck", "running")),
            never_ends=script.has("stuck", "running"),
            start_timeout=order.start_timeout or script.seconds("start_timeout", 1) or None,
        )

    def _cold(self, app: str, cold: float, waits: float, run: float) -> float:
        """Seconds until the app's runner is up: none while it is warm, the rest while it is booting."""
        reached = self.core.clock.now() + timedelta(seconds=waits)
        ready, warm_until = self._warm.get(app, (reached, reached))
        if reached >= warm_until:
            ready = reached + timedelta(seconds=cold)
        start = max(reached, ready)
        over = start + timedelta(seconds=run + self.core.config.warm_seconds)
        if cold or app in self._warm:
            self._warm[app] = (ready, max(over, warm_until))
        return (start - reached).total_seconds()
