"""The audit: what must be true after everything was broken, each check a function of the snapshot alone."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.chaos.snapshot import SETTLED, Job, Snapshot

_SPENT: Final = frozenset({"settle", "adjust"})
_HELD: Final = frozenset({"reserve", "release"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the audit: what was looked at in numbers, and what is wrong."""

    name: str
    numbers: str
    faults: Sequence[str]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def audit(snapshot: Snapshot) -> list[Finding]:
    """Every check, in the order in which a person would want to know."""
    return [Finding(name, *check(snapshot)) for name, check in CHECKS.items()]


Result = tuple[str, list[str]]


def nothing_forgotten(snapshot: Snapshot) -> Result:
    """What was asked for is there once; what was acknowledged is there under its id."""
    tags = Counter(job.tag for job in snapshot.jobs)
    ids = {job.id for job in snapshot.jobs}
    faults = [f"{tag} is there {tags[tag]} times" for tag in snapshot.asked if tags[tag] != 1]
    faults += [
        f"{tag} was acknowledged as {one}, which is gone"
        for tag, one in snapshot.acknowledged.items()
        if one not in ids
    ]
    faults += [f"{tag} was never acknowledged" for tag in snapshot.asked if tag not in snapshot.acknowledged]
    return f"{len(snapshot.asked)} asked for, {len(snapshot.jobs)} rows", faults


def all_ended(snapshot: Snapshot) -> Result:
    """Every job has ended, or waits for a person and says why."""
    counts = Counter(job.status for job in snapshot.jobs)
    faults = [f"{_name(job)} is {job.status}" for job in snapshot.jobs if not _at_rest(job)]
    return ", ".join(f"{count} {status}" for status, count in sorted(counts.items())), faults


def requests_are_attempts(snapshot: Snapshot) -> Result:
    """Each accepted request is exactly one attempt's; only one whose outcome is unknown may not be known."""
    by_request = Counter(attempt.request_id for attempt in snapshot.attempts if attempt.request_id)
    accepted = {submit.request_id for submit in snapshot.submits}
    job_tags = {job.id: job.tag for job in snapshot.jobs}
    nameless = Counter(
        (attempt.provider, job_tags.get(attempt.job_id, ""))
        for attempt in snapshot.attempts
        if attempt.request_id is None and attempt.status == "unknown"
    )
    faults = [f"{one} belongs to {count} attempts" for one, count in by_request.items() if count > 1]
    faults += [f"{one} is known here, but to no provider" for one in by_request if one not in accepted]
    lost = [submit for submit in snapshot.submits if submit.request_id not in by_request]
    missing = Counter((submit.provider, submit.tag) for submit in lost) - nameless
    faults += [
        f"{tag}: {count} accepted at {provider}, no attempt" for (provider, tag), count in missing.items()
    ]
    numbers = f"{len(accepted)} accepted, {len(by_request)} known, {len(lost)} waiting for a person"
    return numbers, faults


def one_post_per_attempt(snapshot: Snapshot) -> Result:
    """No attempt has sent twice."""
    most = len(snapshot.attempts)
    begun = Counter(sent.token for sent in snapshot.sent)
    faults = [f"{token} was sent {count} times" for token, count in begun.items() if count > 1]
    if snapshot.posts > most:
        faults.append(f"{snapshot.posts} POSTs for {most} attempts")
    return f"{snapshot.posts} POSTs arrived, {most} attempts", faults


def nobody_pays_twice(snapshot: Snapshot) -> Result:
    """At most one charged request for each job."""
    charged = Counter(submit.tag for submit in snapshot.submits if submit.charged)
    faults = [f"{tag} was charged {count} times" for tag, count in charged.items() if count > 1]
    return f"{sum(charged.values())} charged requests, {len(charged)} jobs", faults


def nothing_paid_is_lost(snapshot: Snapshot) -> Result:
    """What was made and charged is in the bucket, or a person is asked about it."""
    jobs = {job.tag: job for job in snapshot.jobs}
    stored = {asset.job_id for asset in snapshot.assets}
    faults, kept, waiting = [], 0, 0
    for submit in snapshot.submits:
        job = jobs.get(submit.tag)
        if not (submit.made and submit.charged and submit.final):
            continue
        if job is not None and job.status == "succeeded" and job.id in stored:
            kept += 1
        elif job is not None and job.status == "review":
            waiting += 1
        else:
            faults.append(f"{submit.tag}: {submit.request_id} is made and paid for, {_where(job)}")
    return f"{kept} stored, {waiting} in review", faults


def ledger_is_invoice(snapshot: Snapshot) -> Result:
    """By attempt, by job, and in all: what was booked is what was charged, to the nano-dollar."""
    charged = {submit.request_id: submit.nano for submit in snapshot.submits}
    booked: dict[str | None, int] = defaultdict(int)
    for entry in snapshot.ledger:
        booked[entry.attempt_id] += entry.nano if entry.kind in _SPENT else 0
    faults, total, estimated = [], 0, 0
    for attempt in snapshot.attempts:
        if attempt.cost_nano is None or not attempt.exact:
            estimated += attempt.cost_nano is not None
            continue
        due = charged.get(attempt.request_id or "", 0)
        total += due
        if not booked[attempt.id] == attempt.cost_nano == due:
            said = f"booked {booked[attempt.id]}, its cost {attempt.cost_nano}, charged {due}"
            faults.append(f"attempt {attempt.number} of {attempt.job_id} ({attempt.status}): {said}")
    return f"{total} nano-dollars, {estimated} estimates apart", faults


def unknown_is_not_free(snapshot: Snapshot) -> Result:
    """A job with a cost that is not known names no cost, and keeps its money held."""
    open_costs = {attempt.job_id for attempt in snapshot.attempts if attempt.cost_nano is None}
    unknown = [job for job in snapshot.jobs if job.id in open_costs]
    faults = [f"{_name(job)} names a cost of {job.cost_nano}" for job in unknown if job.cost_nano is not None]
    faults += [f"{_name(job)} holds nothing" for job in unknown if job.reserved_nano <= 0]
    held = sum(job.reserved_nano for job in unknown)
    return f"{len(unknown)} jobs hold {held} nano-dollars", faults


def ledger_adds_up(snapshot: Snapshot) -> Result:
    """What the ledger holds is what the jobs hold, and nothing where every cost is known."""
    held: dict[str, int] = defaultdict(int)
    spent: dict[str, int] = defaultdict(int)
    for entry in snapshot.ledger:
        held[entry.job_id] += entry.nano if entry.kind in _HELD else 0
        spent[entry.job_id] += entry.nano if entry.kind in _SPENT else 0
    open_costs = {attempt.job_id for attempt in snapshot.attempts if attempt.cost_nano is None}
    faults = []
    for job in snapshot.jobs:
        if held[job.id] != job.reserved_nano:
            faults.append(f"{_name(job)}: the ledger holds {held[job.id]}, the job {job.reserved_nano}")
        if job.status in SETTLED and job.id not in open_costs and held[job.id] != 0:
            faults.append(f"{_name(job)} has ended, all is known, and {held[job.id]} is still held")
        if spent[job.id] < 0 or held[job.id] < 0:
            faults.append(f"{_name(job)}: spent {spent[job.id]}, held {held[job.id]}")
    return f"{len(snapshot.ledger)} entries, {sum(held.values())} held, {sum(spent.values())} spent", faults


def own_audit_agrees(snapshot: Snapshot) -> Result:
    """What users are told of the books is what the auditor finds."""
    faults = [f"{name}: {wrong} of {checked}" for name, (checked, wrong) in snapshot.books.items() if wrong]
    if not snapshot.books:
        faults.append("it says nothing")
    return f"{sum(checked for checked, _ in snapshot.books.values())} amounts compared", faults


def callbacks_arrived(snapshot: Snapshot) -> Result:
    """Whoever gave an address was told how it ended, at least once and signed."""
    due = [job for job in snapshot.jobs if job.callback_url is not None and _at_rest(job)]
    faults = [
        f"{_name(job)} was told {list(snapshot.told.get(job.tag, ()))}"
        for job in due
        if f"job.{job.status}" not in snapshot.told.get(job.tag, ())
    ]
    faults += [f"a signature was wrong: {one}" for one in snapshot.unsigned]
    return f"{len(due)} due, {sum(map(len, snapshot.told.values()))} arrived", faults


def bytes_are_as_recorded(snapshot: Snapshot) -> Result:
    """Every file of ours is in the bucket, byte for byte; a success has one."""
    faults = [
        f"{asset.key}: the bucket has {asset.stored}, the row {(asset.bytes, asset.sha256)}"
        for asset in snapshot.assets
        if asset.stored != (asset.bytes, asset.sha256)
    ]
    owners = {asset.job_id for asset in snapshot.assets}
    faults += [
        f"{_name(job)} has no file"
        for job in snapshot.jobs
        if job.status == "succeeded" and job.id not in owners
    ]
    return f"{len(snapshot.assets)} files, {sum(asset.bytes for asset in snapshot.assets)} bytes", faults


def agenda_is_clean(snapshot: Snapshot) -> Result:
    """Nothing is to be done any more for what has ended."""
    ended = {job.id: job for job in snapshot.jobs if job.status in SETTLED}
    faults = [f"{_name(ended[job_id])} is on the agenda" for job_id in snapshot.agenda if job_id in ended]
    return f"{len(snapshot.agenda)} rows", faults


def unknown_only_on_the_wire(snapshot: Snapshot) -> Result:
    """An outcome is unknown only where the answer was lost: with the process, or on its way."""
    sent = {one.token: one for one in snapshot.sent}
    unknown = [attempt for attempt in snapshot.attempts if attempt.status == "unknown"]
    faults = []
    for attempt in unknown:
        one = sent.get(attempt.token)
        if one is not None and one.answer in {"accepted", "refused"} and not one.died:
            faults.append(f"attempt {attempt.number} of {attempt.job_id} is unknown, but was {one.answer}")
    lost = sum(one.answer in {None, "unknown"} or one.died for one in snapshot.sent)
    if len(unknown) > lost:
        faults.append(f"{len(unknown)} are unknown, but only {lost} answers were lost")
    unsent = sum(attempt.token not in sent for attempt in unknown)
    return f"{len(unknown)} unknown, {lost} answers lost, {unsent} of the unknown never sent", faults


def all_was_broken(snapshot: Snapshot) -> Result:
    """The machine has done its own work."""
    faults = [f"{kind} never happened" for kind in snapshot.wanted if not snapshot.broken.get(kind)]
    return ", ".join(f"{count} {kind}" for kind, count in sorted(snapshot.broken.items())), faults


CHECKS: Final[dict[str, Callable[[Snapshot], Result]]] = {
    "every job is there, once": nothing_forgotten,
    "every job has ended or waits in review": all_ended,
    "accepted requests = attempts": requests_are_attempts,
    "one POST per attempt": one_post_per_attempt,
    "no job is paid twice": nobody_pays_twice,
    "no paid result is lost": nothing_paid_is_lost,
    "ledger = invoice": ledger_is_invoice,
    "unknown is not free": unknown_is_not_free,
    "the ledger adds up": ledger_adds_up,
    "darkroom audit finds nothing": own_audit_agrees,
    "every callback arrived, signed": callbacks_arrived,
    "object bytes = recorded hash": bytes_are_as_recorded,
    "nothing is due for what has ended": agenda_is_clean,
    "unknown only what was on the wire": unknown_only_on_the_wire,
    "everything was broken": all_was_broken,
}


def table(findings: Iterable[Finding]) -> str:
    """The audit as text: a line per check, and the faults of those that failed."""
    lines = []
    for finding in findings:
        lines.append(f"{'PASS' if finding.passed else 'FAIL'}  {finding.name:<40} {finding.numbers}")
        lines += [f"        {fault}" for fault in finding.faults]
    return "\n".join(lines)


def _at_rest(job: Job) -> bool:
    return job.status in SETTLED or (job.status == "review" and bool(job.error))


def _name(job: Job) -> str:
    return f"{job.tag} ({job.id}, {job.status}{', ' + job.error if job.error else ''})"


def _where(job: Job | None) -> str:
    return "its job is gone" if job is None else f"its job is {job.status}"
