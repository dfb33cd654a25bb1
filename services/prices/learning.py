"""Taking what jobs really cost as evidence for the next quote: a few times a minute, and never all at once.

At most so many of the newest are taken each time: under load it is a sample, and costs no more for that.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from pydantic import ValidationError

from domain.evidence import WINDOW, Sample, evidence, kept, price_name, shape
from domain.generation import GenerationInput
from domain.lifecycle import Kind
from services.planning import offer_of
from services.runtime import Runtime
from storage import evidence as records
from storage.database import Session
from storage.evidence import Ended, Name
from storage.records import AttemptRecord, JobRecord

MOST: Final = 100
# Of so many kinds of jobs is evidence kept: who gives each job an extra of its own must not fill the tables.
KINDS: Final = 2000
# An event gets its id a little before it is committed: what is younger may still have older company to come.
_SETTLED: Final = timedelta(seconds=5)
_MILLISECOND_BITS: Final = 80


def learn(runtime: Runtime, *, most: int = MOST, kinds: int = KINDS) -> None:
    """Take the newest jobs that have ended since the last time as evidence; of several watchers one does."""
    with runtime.database.work() as session:
        mark = records.mark(session)
        before = _first_id(runtime.clock() - _SETTLED)
        if mark is None or mark.event_id >= before:
            return
        found = records.ended(session, after=mark.event_id, before=before, most=most)
        for name, samples in _by_name(runtime, found).items():
            _keep(session, name, [*records.samples(session, name), *samples], runtime.clock())
        if found:
            records.bound(session, kinds)
        mark.event_id = before
        session.add(mark)


def taken(job: JobRecord, attempt: AttemptRecord) -> Ended | None:
    """A job as it is, or would be, taken as evidence; None where its cost is not known."""
    if attempt.cost_nano is None or attempt.detected_at is None:
        return None
    return Ended(
        model=job.model,
        kind=job.kind,
        input=job.input,
        provider=attempt.provider,
        endpoint=attempt.endpoint,
        sandbox=attempt.sandbox,
        unit_price=attempt.unit_price,
        cost_nano=attempt.cost_nano,
        spin_up_nano=attempt.spin_up_nano,
        at=attempt.detected_at,
    )


def correct(runtime: Runtime, session: Session, one: Ended, better: Sample | None) -> None:
    """Have evidence hold ``better`` instead of what it took of a job; None where that is comparable no more.

    While somebody else is adding to it, it stays: it is a sample, and grows old.
    """
    if records.mark(session) is None:
        return
    for name, [worse] in _by_name(runtime, [one]).items():
        samples = records.samples(session, name)
        if worse in samples:
            samples.remove(worse)
            _keep(session, name, samples if better is None else [*samples, better], runtime.clock())


def tidy(runtime: Runtime) -> None:
    """Take what has grown too old out of the evidence, also where nothing new has come."""
    now = runtime.clock()
    with runtime.database.work() as session:
        for name, samples in records.stale(session, now - WINDOW).items():
            _keep(session, name, samples, now)


def _keep(session: Session, name: Name, samples: Iterable[Sample], now: datetime) -> None:
    fresh = kept(samples, now)
    if fresh:
        records.keep(session, name, fresh, evidence(fresh))
    else:
        records.drop(session, name)


def _by_name(runtime: Runtime, found: Iterable[Ended]) -> Mapping[Name, list[Sample]]:
    """The samples of comparable jobs; what an older Darkroom took and this one would not is no evidence."""
    groups: dict[Name, list[Sample]] = defaultdict(list)
    for one in found:
        try:
            like = _shape(runtime, one)
        except ValidationError:
            continue
        name = Name(one.provider, one.endpoint, one.sandbox, like, price_name(one.unit_price))
        groups[name].append(Sample(one.at, one.cost_nano, one.spin_up_nano))
    return groups


def _shape(runtime: Runtime, one: Ended) -> str:
    entry = {"provider": one.provider, "endpoint": one.endpoint}
    offer = offer_of(runtime, model=one.model, kind=Kind(one.kind), entry=entry)
    return shape(offer.defaults, GenerationInput.model_validate(one.input))


def _first_id(moment: datetime) -> UUID:
    """The smallest UUIDv7 of that millisecond (RFC 9562, section 5.7)."""
    return UUID(int=int(moment.timestamp() * 1000) << _MILLISECOND_BITS)
