"""The second scenario: jobs in every state, everything killed at once, Redis emptied, and a fresh start."""

import random
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from tests.chaos.audit import Finding, audit
from tests.chaos.machine import Customer, Outcome, Say, keep_evidence, receiving, rest
from tests.chaos.orders import Order
from tests.chaos.stage import Stage, stage
from tests.chaos.strikes import Strikes
from tests.chaos.witness import Rows, snapshot

STATES: Final = ("queued", "submitting", "running", "storing")
MOVING_SECONDS: Final = 30.0
_ASKERS: Final = 64
_LOOK_EACH: Final = 5
_LONGEST_SECONDS: Final = 120.0
_ASKED_PER_SECOND: Final = 120.0
# Longer than any job is kept where it is sent or fetched: those who are there change, but some always are.
_ASKED_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.2
# What keeps a job in a state for a while, and how many of twenty jobs it keeps there.
_KEPT: Final = (
    *(("[sandbox:slow=40]", ("flux-schnell", "seedream-4.0", "duo")),) * 14,
    *(("[sandbox:1:slow_body=5]", ("flux-schnell", "seedream-4.0")),) * 2,
    ("[sandbox:media_slow=6]", ("flux-schnell", "seedream-4.0")),
    *(("", ("flux-schnell", "seedream-4.0", "duo")),) * 3,
)
_CALLBACK_SHARE: Final = 0.2
_RUNNING_SHARE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Killed:
    """What was open when everything was killed, and when each of it moved again (seconds from the start)."""

    states: Mapping[str, int]
    moved: Mapping[str, float | None]


def findings(killed: Killed) -> list[Finding]:
    """That there was something in every state, and that all of it moves again in time."""
    missing = [f"nothing was {state}" for state in STATES if not killed.states.get(state)]
    numbers = ", ".join(f"{killed.states.get(state, 0)} {state}" for state in STATES)
    late = [
        f"{job_id} moved after {'ever' if after is None else f'{after:.1f} s'}"
        for job_id, after in killed.moved.items()
        if after is None or after > MOVING_SECONDS
    ]
    times = [after for after in killed.moved.values() if after is not None]
    spread = f"half after {median(times):.1f} s, all after {max(times):.1f} s" if times else "none moved"
    return [
        Finding("killed with jobs in every state", numbers, missing),
        Finding(f"all moving again within {MOVING_SECONDS:g} s", f"{len(killed.moved)} open; {spread}", late),
    ]


def orders(seed: int, count: int, callback: str) -> list[Order]:
    """Jobs that stay in one state or another for a while."""
    chance = random.Random(f"storm {seed}")
    return [_order(chance, f"storm-{seed}-{number:04}", callback) for number in range(count)]


def run(seed: int, jobs: int, folder: Path, say: Say) -> Outcome:
    """Fill every state, kill everything at once, start again, and audit."""
    chance = random.Random(f"storm strikes {seed}")
    strikes = Strikes.planned(folder / "strikes", chance, each=0, within=2)
    with receiving() as receiver, stage(folder / "data", strikes, chance) as on:
        receiver.secret = on.callback_secret
        wanted = orders(seed, jobs, receiver.server.url)
        customer = Customer(on.url, on.api_key)
        rows = Rows(on.environment["DARKROOM_DATABASE_URL"])
        _flood(on, rows, customer, wanted)
        killed = _started_again(on, rows, say)
        rest(rows, say, patience=_LONGEST_SECONDS + jobs / 2)
        found = snapshot(on, wanted, customer.acknowledged, receiver, broken={}, wanted=())
        return Outcome(found, [*findings(killed), *keep_evidence(audit(found), found, on, folder)])


def _order(chance: random.Random, tag: str, callback: str) -> Order:
    marker, models = chance.choice(_KEPT)
    body: dict[str, Any] = {
        "model": chance.choice(models),
        "input": {"prompt": f"{tag} a kite {marker}".strip()},
        "tags": {"chaos": tag},
    }
    if chance.random() < _CALLBACK_SHARE:
        body["callback_url"] = f"{callback}/take/{tag}"
    return Order(tag, body)


def _flood(on: Stage, rows: Rows, customer: Customer, wanted: Sequence[Order]) -> None:
    """Ask for all, and kill everything when there is something in every state.

    Else all would have been sent by then, and nothing be queued: so nothing is sent, looked at or fetched any
    more once some are at every other place.
    """
    pause = threading.Event()
    with ThreadPoolExecutor(_ASKERS) as askers, ExitStack() as frozen:
        asked, slowly = [], True
        for number, order in enumerate(wanted):
            asked.append(askers.submit(customer.ask, order))
            pause.wait(_ASKED_SECONDS / len(wanted) if slowly else 1 / _ASKED_PER_SECOND)
            if slowly and number % _LOOK_EACH == 0 and _busy(rows.statuses(), len(wanted)):
                slowly = not _stopped_busy(on, rows, len(wanted), frozen)
        for one in asked:
            one.result()
        on.kill_everything()


def _stopped_busy(on: Stage, rows: Rows, jobs: int, frozen: ExitStack) -> bool:
    """Stop those at work while there is something in every state; they go on where that was over by then."""
    with ExitStack() as stopped:
        for name in ("submits", "worker", "watcher"):
            stopped.enter_context(on.frozen(name))
        # What they had sent to the database before is written by then.
        threading.Event().wait(_LOOK_SECONDS)
        if not _busy(rows.statuses(), jobs):
            return False
        frozen.push(stopped.pop_all())
        return True


def _started_again(on: Stage, rows: Rows, say: Say) -> Killed:
    on.empty_redis()
    before = _open(rows)
    states = Counter(status for status, _ in before.values())
    say(f"everything is killed and Redis is empty: {dict(states)}")
    begun, stopped, pause = time.monotonic(), datetime.now(UTC), threading.Event()
    on.resume()
    moved: dict[str, float] = {}
    waiting: frozenset[str] = frozenset()
    while len(moved) < len(before) and time.monotonic() - begun < _LONGEST_SECONDS:
        now, after, watched = _open(rows), time.monotonic() - begun, _watched_again(rows, stopped)
        moved |= {
            job_id: after
            for job_id, was in before.items()
            if job_id not in moved and (now.get(job_id) != was or (watched and job_id in waiting))
        }
        waiting = _not_due(rows)
        pause.wait(_LOOK_SECONDS)
    say(f"{len(moved)} of {len(before)} move again after {max(moved.values(), default=0.0):.1f} s")
    return Killed(states, {job_id: moved.get(job_id) for job_id in before})


def _watched_again(rows: Rows, stopped: datetime) -> bool:
    """Whether a watcher has lived since then."""
    return bool(rows.read("SELECT 1 FROM heartbeats WHERE process = 'watcher' AND at > %s", stopped))


def _not_due(rows: Rows) -> frozenset[str]:
    """What runs at its provider and is not to be looked at yet: with a living watcher, it moves."""
    found = rows.read("SELECT job_id::text FROM agenda WHERE status = 'running' AND next_at > now()")
    return frozenset(row["job_id"] for row in found)


def _busy(statuses: Mapping[str, int], jobs: int) -> bool:
    """Whether some are sent and some fetched at this moment, and a good part of all is with the providers."""
    at_work = all(statuses.get(state) for state in ("submitting", "storing"))
    return at_work and statuses.get("running", 0) > _RUNNING_SHARE * jobs


def _open(rows: Rows) -> dict[str, tuple[str, Sequence[Any]]]:
    """Where each open job stands, and who holds it until when: what a process changes by taking it up."""
    query = (
        "SELECT jobs.id::text, jobs.status, agenda.owner, agenda.next_at FROM jobs JOIN agenda ON"
        " agenda.job_id = jobs.id WHERE jobs.status = ANY(%s)"
    )
    found = rows.read(query, list(STATES))
    return {row["id"]: (row["status"], (row["owner"], row["next_at"])) for row in found}
