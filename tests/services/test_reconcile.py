"""Lost requests: taken up as soon as the provider's list shows them, sent again only on proof of absence."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import col, update

from domain.costs import Basis, Cost
from domain.lifecycle import AttemptStatus, JobStatus
from providers.base import Accepted, Finished, HookHint, LookFailed, OutcomeUnknown, Output, Sighting
from providers.sightings import NotSeen, Wanted
from services import reconcile
from services.cancel import cancel
from storage.records import AttemptRecord, JobRecord
from tests.support.engine import Engine, taken

LOST = OutcomeUnknown("the answer was lost")
DONE = Finished((Output("http://127.0.0.1:1/1.png"),), Cost(30_000_000, Basis.BILLABLE_UNITS, final=True))
NOBODY = Accepted("request-of-nobody")
TIMEOUT = 60
PROOF = TIMEOUT + 180


@pytest.fixture
def listed(engine: Engine) -> Engine:
    """An engine whose fal can be searched."""
    engine.fal.marker_field = "darkroom_attempt"
    return engine


def lost(engine: Engine, **fields: object) -> UUID:
    """A job whose submit went out marked, and whose answer never came."""
    engine.fal.submits.says(LOST)
    routing = {"provider": "fal", "start_timeout": TIMEOUT, **fields}
    job_id = engine.accept(routing=routing)
    marking(engine, job_id)
    return job_id


def marking(engine: Engine, job_id: UUID) -> None:
    """Submit the job, its attempt marked for the list."""
    engine.submit(job_id)
    engine.fal.submits.says(lambda one: taken(request_id=f"request-{one.token}"))


def search(engine: Engine, *job_ids: UUID, after: float = 0.0) -> None:
    engine.clock.advance(after)
    reconcile.settle(engine.runtime, job_ids)


def shows(engine: Engine, job_id: UUID, request: Accepted) -> None:
    engine.fal.searches.says({str(engine.attempt(job_id).id): request})


def test_a_lost_request_is_looked_for_before_anybody_is_told_of_a_review(listed: Engine) -> None:
    job_id = lost(listed)
    assert (listed.job(job_id).status, listed.due_in(job_id)) == ("submitting", 2.0)
    assert (listed.attempt(job_id).status, listed.error(job_id)) == ("unknown", None)
    assert listed.told(job_id) == []


def test_a_request_that_the_list_shows_is_taken_up_and_not_sent_again(listed: Engine) -> None:
    job_id = lost(listed)
    sent_at = listed.clock() + timedelta(seconds=1)
    shows(listed, job_id, Accepted("request-7", status_url="https://f.example/s", accepted_at=sent_at))
    search(listed, job_id, after=2)
    attempt = listed.attempt(job_id)
    assert (listed.job(job_id).status, attempt.status) == ("running", "running")
    assert (attempt.provider_request_id, attempt.status_url) == ("request-7", "https://f.example/s")
    assert attempt.accepted_at == sent_at
    assert len(listed.fal.submits.asked) == 1
    assert [step for step in listed.steps(job_id) if step in {"found", "submitted"}] == ["found", "submitted"]


def test_what_is_looked_for_is_named_by_the_attempt(listed: Engine) -> None:
    job_id = lost(listed)
    search(listed, job_id, after=2)
    attempt = listed.attempt(job_id)
    [[asked]] = listed.fal.searches.asked
    assert asked == Wanted(str(attempt.id), attempt.submitted_at, attempt.arguments)


def test_searches_grow_apart_and_after_the_grace_a_person_may_decide(listed: Engine) -> None:
    job_id = lost(listed)
    seen = []
    for _ in range(6):
        wait = listed.due_in(job_id)
        assert wait is not None
        search(listed, job_id, after=wait)
        seen.append((wait, listed.job(job_id).status))
    assert seen[:3] == [(2.0, "submitting"), (4.0, "submitting"), (8.0, "submitting")]
    assert seen[3:] == [(16.0, "review"), (30.0, "review"), (60.0, "review")]
    error = listed.job(job_id).error
    assert error is not None
    assert "looked for in fal's list of requests" in error["message"]
    assert "from 2026-11-22 12:04 UTC on" in error["message"]
    assert [event.type for event in listed.told(job_id)] == ["job.review"]


def test_a_request_found_late_ends_the_review(listed: Engine) -> None:
    job_id = lost(listed)
    for wait in (2, 4, 8, 16):
        search(listed, job_id, after=wait)
    shows(listed, job_id, Accepted("request-7"))
    search(listed, job_id, after=30)
    job = listed.job(job_id)
    assert (job.status, job.error, job.ended_at) == ("running", None, None)


def test_what_is_not_listed_when_it_can_no_longer_start_was_never_made_and_is_sent_again(
    listed: Engine,
) -> None:
    job_id = lost(listed)
    search(listed, job_id, after=PROOF - 1)
    assert (listed.job(job_id).status, listed.due_in(job_id)) == ("submitting", 1.0)
    search(listed, job_id, after=1)
    [attempt] = listed.attempts(job_id)
    assert (attempt.status, attempt.cost_nano, attempt.cost_basis) == ("failed", 0, "not_billed")
    assert listed.job(job_id).status == JobStatus.QUEUED
    assert "never_made" in listed.steps(job_id)
    listed.clock.advance(5)
    listed.submit(job_id)
    assert [one.status for one in listed.attempts(job_id)] == ["failed", "running"]
    assert len(listed.fal.submits.asked) == 2


def test_the_time_that_the_proof_took_does_not_count_against_another_try(listed: Engine) -> None:
    job_id = lost(listed, start_timeout=7200)
    search(listed, job_id, after=7200 + 180)
    assert listed.job(job_id).status == JobStatus.QUEUED


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (NotSeen(whole=True, doubts=frozenset({"request-x"})), "fal lists requests that may be it"),
        (NotSeen(whole=False), "fal's list of requests is too long"),
    ],
)
def test_what_is_not_certainly_absent_is_never_sent_again(listed: Engine, seen: NotSeen, reason: str) -> None:
    job_id = lost(listed)
    listed.fal.searches.says({str(listed.attempt(job_id).id): seen})
    for _ in range(6):
        search(listed, job_id, after=PROOF)
    assert (listed.job(job_id).status, listed.attempt(job_id).status) == ("review", "unknown")
    search(listed, job_id, after=3600)
    error = listed.job(job_id).error
    assert error is not None
    assert reason in error["message"]
    assert "darkroom jobs resolve" in error["message"]
    assert listed.agenda(job_id) is None
    assert len(listed.fal.submits.asked) == 1


def test_a_doubt_about_a_request_that_is_known_to_be_another_jobs_counts_for_nothing(listed: Engine) -> None:
    other = listed.running(routing={"provider": "fal"})
    request_id = listed.attempt(other).provider_request_id
    assert request_id is not None
    job_id = lost(listed)
    listed.fal.searches.says({str(listed.attempt(job_id).id): NotSeen(True, frozenset({request_id}))})
    search(listed, job_id, after=PROOF)
    assert listed.job(job_id).status == JobStatus.QUEUED


def test_a_request_that_is_another_attempts_already_is_never_taken_up_twice(listed: Engine) -> None:
    other = listed.running(routing={"provider": "fal"})
    job_id = lost(listed)
    request_id = listed.attempt(other).provider_request_id
    assert request_id is not None
    shows(listed, job_id, Accepted(request_id))
    search(listed, job_id, after=2)
    assert (listed.job(job_id).status, listed.attempt(job_id).provider_request_id) == ("review", None)


def test_a_list_that_does_not_answer_is_asked_again_and_its_retry_after_heard(listed: Engine) -> None:
    job_id = lost(listed)
    listed.fal.searches.says(LookFailed("it is down", retry_after=77))
    search(listed, job_id, after=2)
    assert (listed.job(job_id).status, listed.due_in(job_id)) == ("submitting", 77.0)
    search(listed, job_id, after=PROOF)
    assert listed.attempt(job_id).status == AttemptStatus.UNKNOWN
    search(listed, job_id, after=49 * 3600)
    assert (listed.job(job_id).status, listed.agenda(job_id)) == ("review", None)


def test_a_list_that_our_key_may_not_read_leaves_it_to_a_person_at_once(listed: Engine) -> None:
    job_id = lost(listed)
    listed.fal.searches.says(LookFailed("set FAL_ADMIN_KEY", permanent=True))
    search(listed, job_id, after=2)
    error = listed.job(job_id).error
    assert error is not None
    assert (listed.job(job_id).status, listed.agenda(job_id)) == ("review", None)
    assert "set FAL_ADMIN_KEY" in error["message"]
    assert listed.steps(job_id)[-1] == "search_ended"


def test_one_look_at_the_list_serves_every_attempt_at_an_endpoint(listed: Engine) -> None:
    first, second = lost(listed), lost(listed)
    markers = {job_id: str(listed.attempt(job_id).id) for job_id in (first, second)}

    def lists(wanted: Sequence[Wanted]) -> Mapping[str, Sighting]:
        assert {one.marker for one in wanted} == set(markers.values())
        return {markers[first]: Accepted("request-1st"), markers[second]: NotSeen(whole=True)}

    listed.fal.searches.says(lists)
    search(listed, first, second, after=2)
    assert len(listed.fal.searches.asked) == 1
    assert [listed.job(one).status for one in (first, second)] == ["running", "submitting"]


def test_a_job_that_was_to_be_canceled_ends_so_once_it_is_proven_never_made(listed: Engine) -> None:
    job_id = lost(listed)
    cancel(listed.runtime, project_id=listed.project_id, job_id=job_id)
    search(listed, job_id, after=PROOF)
    job = listed.job(job_id)
    assert (job.status, job.cost_nano, job.reserved_nano) == ("canceled", 0, 0)


def test_a_job_that_was_to_be_canceled_and_is_found_is_looked_at_at_once_for_its_cancel(
    listed: Engine,
) -> None:
    job_id = lost(listed)
    cancel(listed.runtime, project_id=listed.project_id, job_id=job_id)
    shows(listed, job_id, Accepted("request-7"))
    search(listed, job_id, after=2)
    assert (listed.job(job_id).status, listed.due_in(job_id)) == ("running", 0.0)


def test_a_submit_whose_worker_died_is_looked_for_like_one_whose_answer_was_lost(listed: Engine) -> None:
    job_id = lost(listed)
    with listed.runtime.database.work() as session:
        dead = {"status": AttemptStatus.SUBMITTING, "error": None}
        session.exec(update(AttemptRecord).where(col(AttemptRecord.job_id) == job_id).values(**dead))
    search(listed, job_id, after=60)
    assert (listed.attempt(job_id).status, listed.job(job_id).status) == ("unknown", "submitting")
    assert listed.due_in(job_id) == 2.0


def test_without_a_list_or_a_webhook_the_job_waits_for_a_person_at_once(engine: Engine) -> None:
    engine.linkmodel.submits.says(LOST)
    job_id = engine.accept(routing={"provider": "linkmodel"})
    engine.submit(job_id)
    error = engine.job(job_id).error
    assert error is not None
    assert (engine.job(job_id).status, engine.agenda(job_id)) == ("review", None)
    assert "darkroom jobs resolve" in error["message"]


def test_where_nothing_is_kept_of_a_request_it_cannot_be_found_on_a_list(listed: Engine) -> None:
    job_id = lost(listed)
    with listed.runtime.database.work() as session:
        routing = {"provider": "fal", "zero_retention": True}
        session.exec(update(JobRecord).where(col(JobRecord.id) == job_id).values(routing=routing))
    search(listed, job_id, after=2)
    assert (listed.job(job_id).status, listed.agenda(job_id)) == ("review", None)
    assert listed.fal.searches.asked == []


class _NoHooks:
    def verify(self, headers: Mapping[str, str], body: bytes) -> HookHint:
        raise AssertionError((headers, body))

    check = verify


def test_where_only_a_webhook_can_tell_it_is_waited_for_and_then_a_person_is_asked(engine: Engine) -> None:
    settings = engine.runtime.settings.model_copy(update={"public_url": "https://d.example"})
    hooked = replace(engine, runtime=replace(engine.runtime, settings=settings, hooks={"fal": _NoHooks()}))
    job_id = lost(hooked)
    assert (hooked.job(job_id).status, hooked.due_in(job_id)) == ("submitting", 30.0)
    search(hooked, job_id, after=30)
    assert (hooked.job(job_id).status, hooked.agenda(job_id)) == ("review", None)


def test_a_key_that_was_taken_away_is_waited_for(listed: Engine) -> None:
    job_id = lost(listed)
    without = replace(listed, runtime=replace(listed.runtime, providers={"linkmodel": listed.linkmodel}))
    search(without, job_id, after=2)
    assert (listed.job(job_id).status, listed.due_in(job_id)) == ("submitting", 60.0)


def test_a_fault_with_one_job_holds_up_no_other(listed: Engine) -> None:
    bad, good = lost(listed), lost(listed)
    attempts = {job_id: str(listed.attempt(job_id).id) for job_id in (bad, good)}
    listed.fal.searches.says({attempts[bad]: Accepted("x\0y"), attempts[good]: Accepted("request-good")})
    search(listed, bad, good, after=2)
    assert [listed.job(one).status for one in (bad, good)] == ["submitting", "running"]
    assert listed.due_in(bad) == 120.0


def test_what_has_been_decided_meanwhile_is_left_alone(listed: Engine) -> None:
    job_id = lost(listed)

    def overtaken(wanted: Sequence[Wanted]) -> Mapping[str, Sighting]:
        listed.fal.searches.says({wanted[0].marker: NOBODY})
        reconcile.settle(listed.runtime, [job_id])
        return {wanted[0].marker: Accepted("request-second")}

    listed.fal.searches.says(overtaken)
    search(listed, job_id, after=2)
    assert listed.attempt(job_id).provider_request_id == NOBODY.request_id
    assert listed.steps(job_id).count("submitted") == 1


def test_a_job_that_nothing_is_unknown_of_is_left_alone(engine: Engine) -> None:
    job_id = engine.running()
    before = engine.agenda(job_id)
    search(engine, job_id)
    assert engine.agenda(job_id) == before


@pytest.mark.parametrize("blind", [True, False])
def test_a_list_that_does_not_show_what_was_made_proves_nothing(listed: Engine, blind: bool) -> None:  # noqa: FBT001
    job_id = lost(listed)
    witness = listed.running(routing={"provider": "fal"})
    listed.sees(witness, DONE)
    request_id = listed.attempt(witness).provider_request_id
    assert request_id is not None
    shown = frozenset[str]() if blind else frozenset({request_id})
    listed.fal.searches.says({str(listed.attempt(job_id).id): NotSeen(whole=True, shown=shown)})
    search(listed, job_id, after=PROOF)
    assert listed.job(job_id).status == ("submitting" if blind else "queued")
    search(listed, job_id, after=3600)
    error = listed.job(job_id).error
    assert error is None or "does not show what was certainly made" in error["message"]
    assert (error is not None) == blind
