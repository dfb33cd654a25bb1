"""A person's decision about an unknown outcome: what it may cost is said, and nothing unknown is free."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.costs import Basis, Cost
from domain.lifecycle import AttemptStatus, JobStatus
from providers.base import Finished, Generating, HookHint, LookFailed, OutcomeUnknown, Output
from services.access import Scope, create_key
from services.choices import choices
from services.refusals import Conflict, NotFound, Unavailable, Unprocessable
from services.resolve import Decision, resolve
from tests.support.engine import Engine, taken
from tests.support.taking import receive

LOST = OutcomeUnknown("the answer was lost")
DONE = Finished((Output("http://127.0.0.1:1/1.png"),), Cost(20_000_000, Basis.PROVIDER_PRICE, final=True))
PRICE = 20_000_000


def in_review(engine: Engine, **routing: object) -> UUID:
    """A job at LinkModel whose create was never answered: 0.02 USD are held for it."""
    engine.linkmodel.submits.says(LOST)
    job_id = engine.accept(routing={"provider": "linkmodel", **routing})
    engine.submit(job_id)
    assert engine.job(job_id).status == JobStatus.REVIEW
    engine.linkmodel.submits.says(taken(request_id="request-2"))
    return job_id


def overdue(engine: Engine) -> UUID:
    """A job whose request is known, and has no verdict within the provider's schedule."""
    job_id = engine.running(routing={"provider": "linkmodel"})
    engine.linkmodel.intervals.says(None)
    engine.sees(job_id, Generating())
    assert engine.job(job_id).status == JobStatus.REVIEW
    return job_id


def decide(engine: Engine, job_id: UUID, action: Any, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - fields
    decision = Decision(engine.project_id, job_id, key_id=uuid4(), action=action, **more)
    return resolve(engine.runtime, decision)


def shown(engine: Engine, job_id: UUID) -> dict[str, Any]:
    found = choices(engine.runtime, project_id=engine.project_id, job_id=job_id)
    return found | {"choices": {one["action"]: one for one in found["choices"]}}


def test_each_choice_says_what_it_may_cost(engine: Engine) -> None:
    job_id = in_review(engine)
    found = shown(engine, job_id)
    adopt, resubmit, fail = (found["choices"][name] for name in ("adopt", "resubmit", "fail"))
    assert found["held"]["nano_usd"] == PRICE
    assert (found["attempt"]["number"], found["attempt"]["provider_request_id"]) == (1, None)
    assert "may or may not have taken" in found["reason"]
    assert (adopt["available"], adopt["may_cost_more"]["nano_usd"]) == (True, 0)
    assert "up to 0.02 USD" in adopt["words"]
    assert resubmit["may_cost_more"]["nano_usd"] == PRICE
    assert "both are billed" in resubmit["words"]
    assert (fail["may_cost_more"]["nano_usd"], "0.02 USD stay held" in fail["words"]) == (0, True)


def test_with_another_offer_to_fall_back_to_a_new_try_may_cost_what_the_dearest_does(engine: Engine) -> None:
    engine.linkmodel.submits.says(LOST)
    job_id = engine.accept()
    engine.submit(job_id)
    assert shown(engine, job_id)["choices"]["resubmit"]["may_cost_more"]["nano_usd"] == 30_000_000


def test_where_no_price_is_known_none_is_named(engine: Engine) -> None:
    engine.fal.submits.says(LOST)
    job_id = engine.accept("film")
    engine.submit(job_id)
    resubmit = shown(engine, job_id)["choices"]["resubmit"]
    assert resubmit["may_cost_more"] is None
    assert "an amount that is not known" in resubmit["words"]


def test_a_request_that_is_known_leaves_none_to_take_up(engine: Engine) -> None:
    job_id = overdue(engine)
    assert shown(engine, job_id)["choices"]["adopt"]["available"] is False
    with pytest.raises(Conflict, match="the attempt has its request already"):
        decide(engine, job_id, "adopt", request_id="request-9")


def test_a_request_that_the_provider_has_is_taken_up(engine: Engine) -> None:
    job_id = in_review(engine)
    view = decide(engine, job_id, "adopt", request_id="task-9")
    attempt = engine.attempt(job_id)
    assert (view["status"], attempt.status, attempt.provider_request_id) == ("running", "running", "task-9")
    assert (attempt.accepted_at, engine.due_in(job_id)) == (engine.clock(), 0.0)
    assert engine.linkmodel.looks.asked[-1].request_id == "task-9"
    engine.sees(job_id, DONE)
    assert engine.job(job_id).status == JobStatus.STORING
    assert len(engine.linkmodel.submits.asked) == 1


def test_a_request_that_the_provider_does_not_have_is_refused_by_its_name(engine: Engine) -> None:
    job_id = in_review(engine)
    engine.linkmodel.looks.says(LookFailed("no", missing=True))
    with pytest.raises(Unprocessable, match="linkmodel has no request task-9"):
        decide(engine, job_id, "adopt", request_id="task-9")
    assert engine.job(job_id).status == JobStatus.REVIEW
    assert "resolved" not in engine.steps(job_id)


def test_a_provider_that_cannot_be_asked_is_not_taken_at_its_silence(engine: Engine) -> None:
    job_id = in_review(engine)
    engine.linkmodel.looks.says(LookFailed("it is down"))
    with pytest.raises(Unavailable, match="cannot be asked about the request just now: it is down"):
        decide(engine, job_id, "adopt", request_id="task-9")
    without = replace(engine, runtime=replace(engine.runtime, providers={}))
    with pytest.raises(Unavailable, match="not set up here any more"):
        decide(without, job_id, "adopt", request_id="task-9")


def test_a_request_of_another_attempt_is_never_taken_up_twice(engine: Engine) -> None:
    other = engine.running(routing={"provider": "linkmodel"})
    request_id = engine.attempt(other).provider_request_id
    job_id = in_review(engine)
    with pytest.raises(Unprocessable, match="belongs to another attempt already"):
        decide(engine, job_id, "adopt", request_id=request_id)


def test_a_job_that_is_sent_again_holds_the_money_of_both_tries(engine: Engine) -> None:
    job_id = in_review(engine)
    view = decide(engine, job_id, "resubmit")
    assert (view["status"], view["cost"]) == ("queued", None)
    assert engine.held_and_spent() == (2 * PRICE, 0)
    engine.submit(job_id)
    first, second = engine.attempts(job_id)
    assert (first.status, first.cost_nano, second.status) == ("failed", None, "running")
    assert engine.job(job_id).reserved_nano == 2 * PRICE


def test_a_first_request_that_was_never_made_by_a_persons_word_needs_no_second_reserve(
    engine: Engine,
) -> None:
    job_id = in_review(engine)
    decide(engine, job_id, "resubmit", cost_nano=0)
    first = engine.attempt(job_id)
    assert (first.cost_nano, first.cost_basis, first.cost_final) == (0, "not_billed", True)
    assert engine.held_and_spent() == (PRICE, 0)


def test_a_deadline_counts_anew_for_what_a_person_sends_again(engine: Engine) -> None:
    job_id = in_review(engine, deadline=60)
    engine.clock.advance(600)
    decide(engine, job_id, "resubmit")
    job = engine.job(job_id)
    assert job.deadline_at is not None
    assert (job.deadline_at - engine.clock()).total_seconds() == 60


def test_a_job_that_is_failed_keeps_its_money_held_while_its_cost_is_unknown(engine: Engine) -> None:
    job_id = in_review(engine)
    view = decide(engine, job_id, "fail")
    assert (view["status"], view["cost"], view["error"]["code"]) == ("failed", None, "outcome_unknown")
    assert engine.held_and_spent() == (PRICE, 0)
    assert engine.agenda(job_id) is None
    assert [event.type for event in engine.told(job_id)] == ["job.review", "job.failed"]


@pytest.mark.parametrize(("stated", "basis"), [(0, "not_billed"), (15_000_000, "stated")])
def test_a_cost_that_a_person_states_is_booked_and_the_rest_freed(
    engine: Engine, stated: int, basis: str
) -> None:
    job_id = in_review(engine)
    view = decide(engine, job_id, "fail", cost_nano=stated)
    assert (view["cost"]["nano_usd"], view["cost"]["basis"]) == (stated, basis)
    assert engine.held_and_spent() == (0, stated)


def test_every_decision_is_kept_with_who_made_it(engine: Engine) -> None:
    job_id = in_review(engine)
    key = create_key(engine.runtime, project_id=engine.project_id, name="desk", scope=Scope.ADMIN)
    decision = Decision(engine.project_id, job_id, UUID(key["id"]), "fail", cost_nano=0)
    resolve(engine.runtime, decision)
    [event] = [one for one in engine.timeline(job_id) if one.type == "resolved"]
    assert event.data == {"action": "fail", "by": key["prefix"], "cost_nano": 0}


def test_a_verdict_that_is_there_by_now_goes_before_a_persons(engine: Engine) -> None:
    job_id = overdue(engine)
    engine.linkmodel.looks.says(DONE)
    with pytest.raises(Conflict, match="linkmodel has its verdict by now"):
        decide(engine, job_id, "resubmit")
    assert (engine.job(job_id).status, engine.due_in(job_id)) == ("review", 0.0)


@pytest.mark.parametrize("silent", [Generating(), LookFailed("it is down")])
def test_a_request_without_a_verdict_may_be_given_up(engine: Engine, silent: Any) -> None:  # noqa: ANN401
    job_id = overdue(engine)
    engine.linkmodel.looks.says(silent)
    assert decide(engine, job_id, "fail")["status"] == "failed"


def test_a_request_of_a_provider_that_is_gone_may_be_given_up(engine: Engine) -> None:
    job_id = overdue(engine)
    without = replace(engine, runtime=replace(engine.runtime, providers={}))
    assert decide(without, job_id, "fail")["status"] == "failed"


class _Genuine:
    def verify(self, headers: object, body: bytes) -> HookHint:
        del headers
        return HookHint(body.decode())

    check = verify


def hear(engine: Engine, token: str) -> None:
    runtime = replace(engine.runtime, hooks={"linkmodel": _Genuine()})
    receive(runtime, provider="linkmodel", token=token, headers={}, body=b"task-9")


def test_what_a_failed_job_turns_out_to_have_made_is_fetched_and_booked(engine: Engine) -> None:
    job_id = in_review(engine)
    decide(engine, job_id, "fail")
    engine.linkmodel.looks.says(DONE)
    hear(engine, engine.attempt(job_id).token)
    assert (engine.job(job_id).status, engine.attempt(job_id).status) == ("storing", "storing")
    assert engine.held_and_spent() == (PRICE, PRICE)


def test_a_stated_cost_is_put_right_by_the_providers_verdict(engine: Engine) -> None:
    job_id = in_review(engine)
    decide(engine, job_id, "fail", cost_nano=15_000_000)
    engine.linkmodel.looks.says(DONE)
    hear(engine, engine.attempt(job_id).token)
    assert engine.attempt(job_id).cost_nano == PRICE
    assert engine.held_and_spent() == (0, PRICE)
    assert engine.bookings(job_id)[-1] == ("adjust", 5_000_000)


def test_what_the_first_of_two_tries_cost_is_booked_when_it_is_learned(engine: Engine) -> None:
    job_id = in_review(engine)
    first = engine.attempt(job_id)
    decide(engine, job_id, "resubmit")
    engine.submit(job_id)
    engine.linkmodel.looks.says(DONE)
    hear(engine, first.token)
    assert engine.held_and_spent() == (2 * PRICE, PRICE)
    assert engine.job(job_id).status == JobStatus.RUNNING


@pytest.mark.parametrize("action", ["adopt", "resubmit", "fail"])
def test_only_an_unknown_outcome_can_be_decided(engine: Engine, action: str) -> None:
    job_id = engine.running()
    with pytest.raises(Conflict, match="there is nothing to decide: the job is running") as caught:
        decide(engine, job_id, action, request_id="x" if action == "adopt" else None)
    assert caught.value.details == {"status": "running"}
    with pytest.raises(Conflict):
        shown(engine, job_id)


def test_a_job_that_is_still_looked_for_can_be_decided(engine: Engine) -> None:
    engine.fal.marker_field = "darkroom_attempt"
    engine.fal.submits.says(LOST)
    job_id = engine.accept(routing={"provider": "fal"})
    engine.submit(job_id)
    assert engine.job(job_id).status == JobStatus.SUBMITTING
    assert "may or may not" in shown(engine, job_id)["reason"]
    assert decide(engine, job_id, "fail", cost_nano=0)["status"] == "failed"
    assert engine.attempt(job_id).status == AttemptStatus.FAILED


def test_another_projects_job_is_not_there(engine: Engine) -> None:
    with pytest.raises(NotFound):
        decide(engine, uuid4(), "fail")
