"""Letting jobs out: limits that hold over several watchers, holds, circuits, and pilots where it is cold."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from domain.circuit import OPENS_AT
from domain.costs import NOT_BILLED
from domain.failures import ErrorCode, Failure
from domain.lanes import Lane, Learned
from domain.lifecycle import JobStatus
from providers.base import Ended, Generating, NotAccepted, OutcomeUnknown, Queued
from providers.catalogue import Catalogue
from services import due, lanes
from services.letting import OUTSTANDING
from storage.queue import SUBMIT, Note
from tests.support.engine import WATCHER, Engine, run

LINKMODEL, FAL = Lane("linkmodel", "pair-a"), Lane("fal", "test/film")
PINNED = {"provider": "linkmodel"}
BROKEN = Ended(Failure(ErrorCode.CONTENT_POLICY, "it was moderated"), NOT_BILLED)
DOWN = Failure(ErrorCode.PROVIDER_FAILED, "it cannot be reached", retryable=True)


@pytest.fixture
def limited(engine: Engine, tmp_path: Path) -> "Limited":
    return Limited(engine, tmp_path)


class Limited:
    """The engine with limits of the test's own."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder

    def by(self, limits: str) -> Engine:
        overlay = self._folder / "limits.toml"
        shipped = self._engine.runtime.settings.catalogue
        assert shipped is not None
        overlay.write_text(shipped.read_text() + limits)
        runtime = replace(self._engine.runtime, catalogue=Catalogue.load(overlay))
        return replace(self._engine, runtime=runtime)


def let(engine: Engine, owner: str = WATCHER, most: int = 1000) -> list[UUID]:
    """The jobs that are let out now."""
    notes = due.claim(engine.runtime, owner=owner, looks={}, notes=most).notes
    return [one for note in notes for one in note.ids]


def flood(engine: Engine, count: int, **fields: object) -> list[UUID]:
    return [engine.accept(**({"routing": PINNED} | fields)) for _ in range(count)]  # type: ignore[arg-type]


def send(engine: Engine, job_ids: list[UUID]) -> None:
    for job_id in job_ids:
        engine.submit(job_id)


def test_no_more_is_in_flight_than_the_provider_is_to_bear(limited: Limited) -> None:
    engine = limited.by("[limits.linkmodel]\nin_flight = 3\n")
    flood(engine, 5)
    first = let(engine)
    assert len(first) == 3
    assert let(engine, owner="watcher:another") == []
    send(engine, first)
    assert let(engine) == []
    engine.sees(first[0], BROKEN)
    assert engine.job(first[0]).status == JobStatus.FAILED
    assert len(let(engine)) == 1


def test_an_endpoint_may_bear_less_than_its_provider(limited: Limited) -> None:
    engine = limited.by('[limits."linkmodel:pair-a"]\nin_flight = 1\n')
    flood(engine, 3)
    assert len(let(engine)) == 1


def test_no_more_is_sent_in_a_second_than_the_provider_is_to_bear(limited: Limited) -> None:
    engine = limited.by("[limits.linkmodel]\nsubmits_per_second = 2\n")
    flood(engine, 6)
    assert len(let(engine)) == 2
    assert let(engine) == []
    engine.clock.advance(0.5)
    assert len(let(engine)) == 1
    engine.clock.advance(10)
    assert len(let(engine)) == 2


def test_only_so_many_jobs_are_let_out_and_not_begun(engine: Engine) -> None:
    flood(engine, OUTSTANDING + 5)
    assert len(let(engine)) == OUTSTANDING
    assert let(engine) == []
    engine.clock.advance(due.CLAIM.total_seconds())
    assert len(let(engine)) == OUTSTANDING


def test_one_endpoints_flood_does_not_shut_out_another(engine: Engine) -> None:
    flood(engine, OUTSTANDING + 5)
    lone = engine.accept("film", routing={})
    assert lone in let(engine)


def test_a_provider_that_asked_for_time_gets_it(engine: Engine) -> None:
    flood(engine, 2)
    lanes.learn(engine.runtime, [Learned(Lane("linkmodel", ""), hold=7.0, reason="too many requests")])
    engine.clock.advance(6.9)
    assert let(engine) == []
    engine.clock.advance(0.1)
    assert len(let(engine)) == 2


def test_an_endpoint_that_asked_for_time_leaves_the_others_alone(engine: Engine) -> None:
    flood(engine, 1)
    lone = engine.accept("film", routing={})
    lanes.learn(engine.runtime, [Learned(LINKMODEL, hold=7.0, reason="its queue is full")])
    assert let(engine) == [lone]
    assert lanes.held(engine.runtime, [LINKMODEL, FAL]).keys() == {LINKMODEL}


def trip(engine: Engine, provider: str = "linkmodel") -> None:
    lanes.learn(engine.runtime, [Learned(Lane(provider, ""), troubles=OPENS_AT)])


def test_nothing_is_sent_to_a_provider_that_is_down_until_one_probe_has_answered(engine: Engine) -> None:
    flood(engine, 4)
    trip(engine)
    assert let(engine) == []
    assert lanes.held(engine.runtime, [LINKMODEL])
    engine.clock.advance(5)
    [probe] = let(engine)
    assert let(engine) == []
    engine.submit(probe)
    assert len(let(engine)) == 3


def test_a_probe_that_fails_is_followed_by_a_longer_wait(engine: Engine) -> None:
    engine.linkmodel.submits.says(NotAccepted(DOWN, down=True))
    flood(engine, 2)
    trip(engine)
    engine.clock.advance(5)
    [probe] = let(engine)
    engine.submit(probe)
    engine.clock.advance(9.9)
    assert let(engine) == []
    engine.clock.advance(0.1)
    assert len(let(engine)) == 1


def test_an_unknown_outcome_counts_as_trouble_and_is_not_sent_again(engine: Engine) -> None:
    engine.linkmodel.submits.says(OutcomeUnknown("the answer was lost"))
    lost = flood(engine, OPENS_AT)
    send(engine, let(engine))
    assert len(engine.linkmodel.submits.asked) == OPENS_AT
    flood(engine, 1)
    assert let(engine) == []
    engine.clock.advance(5)
    assert not {*lost} & {*let(engine)}


def test_what_another_offer_may_run_is_passed_on_while_the_circuit_is_open(engine: Engine) -> None:
    job_id, pinned = engine.accept(), engine.accept(routing=PINNED)
    alone = engine.accept(routing={"fallback": False})
    trip(engine)
    assert let(engine) == [job_id]
    assert (engine.job(job_id).provider, engine.attempts(job_id)) == ("fal", [])
    assert engine.steps(job_id)[-1] == "passed_on"
    assert engine.due_in(pinned) == engine.due_in(alone) == 5.0
    run(engine.runtime, Note(SUBMIT, "image", (job_id,)))
    assert [attempt.provider for attempt in engine.attempts(job_id)] == ["fal"]


def test_nothing_is_passed_on_to_a_provider_that_is_down_as_well(engine: Engine) -> None:
    job_id = engine.accept()
    trip(engine)
    trip(engine, "fal")
    assert let(engine) == []
    assert engine.job(job_id).provider == "linkmodel"


RUNNERS = "[limits.fal]\nrunners = true\nwarm_seconds = 60\npilot_seconds = 30\n"


def films(engine: Engine, count: int) -> list[UUID]:
    return flood(engine, count, model="film", routing={})


def test_a_flood_for_a_cold_endpoint_sends_one_pilot_until_a_runner_has_picked_up(limited: Limited) -> None:
    engine = limited.by(RUNNERS)
    films(engine, 50)
    [pilot] = let(engine)
    assert let(engine) == []
    engine.submit(pilot)
    engine.sees(pilot, Queued(0), Queued(0))
    assert let(engine) == []
    engine.sees(pilot, Generating())
    assert len(let(engine)) == 49


def test_a_pilot_behind_others_shows_that_the_endpoint_is_busy_and_not_cold(limited: Limited) -> None:
    engine = limited.by(RUNNERS)
    films(engine, 5)
    [pilot] = let(engine)
    engine.submit(pilot)
    engine.sees(pilot, Queued(7))
    assert len(let(engine)) == 4


def test_a_pilot_that_is_stuck_is_followed_by_another(limited: Limited) -> None:
    engine = limited.by(RUNNERS)
    films(engine, 5)
    [pilot] = let(engine)
    engine.submit(pilot)
    engine.clock.advance(29)
    assert let(engine) == []
    engine.clock.advance(1)
    assert len(let(engine)) == 1


def test_a_pilot_that_came_to_nothing_is_followed_at_once(limited: Limited) -> None:
    engine = limited.by(RUNNERS)
    engine.fal.submits.says(NotAccepted(Failure(ErrorCode.INVALID_INPUT, "it wants a longer prompt")))
    films(engine, 3)
    [pilot] = let(engine)
    engine.submit(pilot)
    assert len(let(engine)) == 1


def test_a_warm_endpoint_takes_the_flood_and_grows_cold_again(limited: Limited) -> None:
    engine = limited.by(RUNNERS)
    lanes.learn(engine.runtime, [Learned(FAL, picked_up=True)])
    films(engine, 3)
    engine.clock.advance(59.9)
    assert len(let(engine)) == 3
    films(engine, 2)
    engine.clock.advance(15.1)
    assert len(let(engine)) <= 1


def test_a_provider_without_runners_gets_the_flood(engine: Engine) -> None:
    flood(engine, 5)
    assert len(let(engine)) == 5
