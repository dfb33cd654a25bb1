"""The breaking machine: asks for jobs, breaks everything, lets it come to rest, and audits."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from tests.chaos import breaking
from tests.chaos.audit import Finding, audit
from tests.chaos.orders import Order, orders
from tests.chaos.sheets import parted, sheet
from tests.chaos.snapshot import Snapshot
from tests.chaos.stage import Stage, stage
from tests.chaos.strikes import POINTS, Strikes
from tests.chaos.witness import Rows, snapshot
from tests.emulators.receiver import Receiver

_ASKERS: Final = 4
_ASK_SECONDS: Final = 180.0
_ASK_SECONDS_EACH: Final = 0.15
# About how many steps a job's timeline has, and how long to wait for its share of them before the next break.
_STEPS: Final = 6
_LONGEST_PAUSE: Final = 4.0
_REST_SECONDS: Final = 300.0
# How long what nobody must wait for (the search for an unknown outcome) may still take at the end.
_EXTRA_SECONDS: Final = 20.0
# Nothing that goes on by itself stands still for this long: not a lease, not a provider's schedule.
_STILL_SECONDS: Final = 100.0
_LOOK_SECONDS: Final = 0.5
_TELL_SECONDS: Final = 5.0
_ACCEPTED: Final = 202

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Run:
    """One run: the seed says what is asked and what is broken; ``strikes`` are made at each chosen point."""

    seed: int
    jobs: int
    breaks: int
    strikes: int


@dataclass
class Customer:
    """Asks for jobs until each is acknowledged, and cancels some; knows nothing of what is being broken."""

    url: str
    key: str
    acknowledged: dict[str, str] = field(default_factory=dict)
    gone: threading.Event = field(default_factory=threading.Event)
    batch_id: str | None = None

    def ask(self, order: Order) -> None:
        """Ask, with one key for all tries, until it is acknowledged."""
        deadline = time.monotonic() + _ASK_SECONDS
        headers = {"Idempotency-Key": order.tag}
        while order.tag not in self.acknowledged and time.monotonic() < deadline and not self.gone.is_set():
            answer = self._post("/v1/jobs", order.body, headers)
            if answer is not None and answer.status_code == _ACCEPTED:
                self.acknowledged[order.tag] = answer.json()["id"]
            elif answer is not None and 400 <= answer.status_code < 500 and answer.status_code != 409:
                raise AssertionError(f"{order} was refused: {answer.status_code} {answer.text}")
            else:
                self.gone.wait(_LOOK_SECONDS)
        if order.cancel_after is not None and not self.gone.wait(order.cancel_after):
            self._post(f"/v1/jobs/{self.acknowledged[order.tag]}/cancel", {}, {})

    def ask_all(self, asked: Sequence[Order], seconds: float) -> None:
        """Ask for all of them, spread over so many seconds."""
        pause = seconds / max(len(asked), 1)
        with ThreadPoolExecutor(_ASKERS + len(asked) // 10) as askers:
            waiting = []
            for order in asked:
                waiting.append(askers.submit(self.ask, order))
                self.gone.wait(pause)
            for one in waiting:
                one.result()

    def send_sheet(self, asked: Sequence[Order]) -> None:
        """Upload a sheet of them, with one key for all tries, until it is acknowledged."""
        deadline = time.monotonic() + _ASK_SECONDS
        headers = {"Idempotency-Key": f"sheet {len(asked)}".replace(" ", "-"), "Content-Type": "text/csv"}
        while self.batch_id is None and time.monotonic() < deadline and not self.gone.is_set():
            answer = self._send("/v1/batches", headers, content=sheet(asked))
            if answer is not None and answer.status_code == _ACCEPTED:
                self.batch_id = answer.json()["id"]
            elif answer is not None and 400 <= answer.status_code < 500 and answer.status_code != 409:
                raise AssertionError(f"the sheet was refused: {answer.status_code} {answer.text}")
            else:
                self.gone.wait(_LOOK_SECONDS)

    def read_results(self) -> None:
        """Learn from the batch's results which job each row has become."""
        told = {"Authorization": f"Bearer {self.key}"}
        url = f"{self.url}/v1/batches/{self.batch_id}/results.jsonl"
        lines = httpx.get(url, headers=told, timeout=60, trust_env=False).raise_for_status().text.splitlines()
        for row in map(json.loads, lines):
            self.acknowledged[row["row"]["row_id"]] = row["job_id"]

    def _post(self, path: str, body: object, headers: dict[str, str]) -> httpx.Response | None:
        return self._send(path, headers, json=body)

    def _send(self, path: str, headers: dict[str, str], **body: Any) -> httpx.Response | None:  # noqa: ANN401
        told = {"Authorization": f"Bearer {self.key}", **headers}
        try:
            return httpx.post(f"{self.url}{path}", headers=told, timeout=15, trust_env=False, **body)
        except httpx.TransportError:
            return None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to."""

    snapshot: Snapshot
    findings: Sequence[Finding]
    notes: Sequence[str] = ()

    @property
    def passed(self) -> bool:
        """Whether every check did."""
        return all(finding.passed for finding in self.findings)


def run(asked: Run, folder: Path, say: Say) -> Outcome:
    """Ask, break, rest, audit; ``folder`` keeps the logs and, where a check failed, the evidence."""
    chance = random.Random(f"strikes {asked.seed}")
    strikes = Strikes.planned(folder / "strikes", chance, each=asked.strikes, within=asked.jobs // 4)
    with receiving() as receiver, stage(folder / "data", strikes, chance) as on:
        receiver.secret = on.callback_secret
        wanted = orders(asked.seed, asked.jobs, receiver.server.url)
        customer = Customer(on.url, on.api_key)
        broken = Counter(_break(on, customer, wanted, asked, say))
        on.wait_ready()
        rest(Rows(on.environment["DARKROOM_DATABASE_URL"]), say)
        customer.read_results()
        broken.update(line["struck"] for line in strikes.journal() if "struck" in line)
        every = (*breaking.KINDS, *POINTS)
        found = snapshot(on, wanted, customer.acknowledged, receiver, broken=broken, wanted=every)
        return Outcome(found, keep_evidence(audit(found), found, on, folder))


def _break(on: Stage, customer: Customer, wanted: Sequence[Order], asked: Run, say: Say) -> Iterator[str]:
    rows, laid = Rows(on.environment["DARKROOM_DATABASE_URL"]), breaking.schedule(asked.seed, asked.breaks)
    share = asked.jobs * _STEPS / len(laid)
    with ThreadPoolExecutor(1) as aside:
        asking = aside.submit(_ask, customer, wanted, asked)
        for one in laid:
            _until_moved(rows, share)
            say(f"{one.kind}; {_words(on)}")
            breaking.carry_out(on, one)
            yield one.kind
        asking.result()


def _ask(customer: Customer, wanted: Sequence[Order], asked: Run) -> None:
    alone, together = parted(asked.seed, wanted)
    customer.send_sheet(together)
    customer.ask_all(alone, asked.jobs * _ASK_SECONDS_EACH)


def _until_moved(rows: Rows, share: float) -> None:
    """Let some work get done before the next break: what never runs is never broken in the middle."""
    pause, begun, first = threading.Event(), time.monotonic(), rows.steps()
    while time.monotonic() - begun < _LONGEST_PAUSE and rows.steps() - first < share:
        pause.wait(_LOOK_SECONDS / 2)


def rest(rows: Rows, say: Say, patience: float = _REST_SECONDS) -> float:
    """Wait until nothing moves any more, within bounds; answers the seconds that it took."""
    begun = told = moved = time.monotonic()
    last = (0, 0, 0, 0)
    pause = threading.Event()
    while (now := time.monotonic()) - begun < patience:
        seen = (rows.still_open(), rows.untold(), rows.sought(), rows.steps())
        moved, last = (moved if seen == last else now), seen
        still, untold, sought, _ = seen
        if now - told > (_TELL_SECONDS if now - moved < _TELL_SECONDS else _STILL_SECONDS / 5):
            told = now
            say(f"coming to rest: {rows.statuses()}, {untold} callbacks, {sought} unknown outcomes sought")
        if now - moved > (_STILL_SECONDS if still or untold else _EXTRA_SECONDS if sought else 0):
            break
        pause.wait(_LOOK_SECONDS)
    return time.monotonic() - begun


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Where callbacks arrive."""
    with Receiver().serving() as receiver:
        yield receiver


def keep_evidence(findings: list[Finding], found: Snapshot, on: Stage, folder: Path) -> list[Finding]:
    """Write down all that the rows say of the jobs that a failed check names."""
    said = "\n".join(fault for finding in findings for fault in finding.faults)
    named = [job.id for job in found.jobs if job.id in said or job.tag in said]
    if named:
        evidence = Rows(on.environment["DARKROOM_DATABASE_URL"]).evidence(named)
        (folder / "evidence.json").write_text(json.dumps(evidence, indent=1, default=str), encoding="utf-8")
    return findings


def _words(on: Stage) -> str:
    deaths = ", ".join(f"{name} {count}" for name, count in sorted(on.deaths.items()))
    return f"started again so far: {deaths or 'nothing'}"
