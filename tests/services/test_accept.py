"""Accepting: one unit of work, one answer for one key, and refusals that say why."""

import json
import threading
from typing import Any

import pytest

from domain.generation import JobRequest
from providers.base import Unsupported
from services.accept import Acceptance, Repeatable
from services.refusals import Conflict, Unprocessable
from tests.support.engine import Engine
from tests.support.taking import accept


def take(engine: Engine, key: str | None = None, fingerprint: str = "a", **fields: Any) -> Acceptance:  # noqa: ANN401
    request = JobRequest.model_validate({"model": "pair", "input": {"prompt": "a red kite"}, **fields})
    repeatable = None if key is None else Repeatable(key, fingerprint)
    return accept(engine.runtime, project_id=engine.project_id, request=request, repeatable=repeatable)


def view(acceptance: Acceptance) -> Any:  # noqa: ANN401 - JSON
    return json.loads(acceptance.answer)


def test_an_accepted_job_waits_with_its_plan_and_its_reserve(engine: Engine) -> None:
    accepted = take(engine, tags={"client": "acme"}, priority="high", input={"prompt": "kites", "count": 2})
    job = engine.job(accepted.job_id)
    assert (job.status, job.kind, job.provider, job.endpoint) == ("queued", "image", "linkmodel", "pair-a")
    assert (job.quoted_nano, job.reserved_nano) == (40_000_000, 60_000_000)
    assert [entry["provider"] for entry in job.plan] == ["linkmodel", "fal"]
    assert (job.tags, job.priority) == ({"client": "acme"}, "high")
    assert engine.bookings(job.id) == [("reserve", 60_000_000)]
    assert engine.steps(job.id) == ["accepted", "queued"]
    assert engine.due_in(job.id) == 0.0
    assert view(accepted)["id"] == str(job.id)
    assert not accepted.replayed


def test_an_unknown_price_holds_nothing_and_is_said_to_be_unknown(engine: Engine) -> None:
    job_id = take(engine, model="film").job_id
    assert engine.bookings(job_id) == []
    assert engine.job(job_id).quoted_nano is None
    assert engine.timeline(job_id)[0].data["quoted"] == "price not known before"


def test_the_same_key_and_body_are_one_job(engine: Engine) -> None:
    first, second = take(engine, "k"), take(engine, "k")
    assert (second.job_id, view(second), second.replayed) == (first.job_id, view(first), True)
    assert engine.held_and_spent() == (30_000_000, 0)


def test_the_same_key_with_another_body_is_refused(engine: Engine) -> None:
    take(engine, "k")
    with pytest.raises(Unprocessable, match="use a new key") as refused:
        take(engine, "k", fingerprint="b")
    assert refused.value.code == "idempotency_mismatch"


def test_a_key_whose_answer_cannot_be_told_is_a_conflict(engine: Engine) -> None:
    # As if the answer were dropped for its age between the two looks at it.
    with engine.runtime.database.work() as session:
        session.connection().exec_driver_sql(
            "CREATE FUNCTION keep_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
            "CREATE TRIGGER keep_out BEFORE INSERT ON idempotency_keys"
            " FOR EACH ROW EXECUTE FUNCTION keep_out()"
        )
    with pytest.raises(Conflict) as refused:
        take(engine, "k")
    assert refused.value.code == "idempotency_in_progress"
    assert engine.held_and_spent() == (0, 0)


def test_what_was_accepted_once_is_answered_though_nothing_could_run_it_today(engine: Engine) -> None:
    first = take(engine, "k")
    engine.linkmodel.arguments_script.says(Unsupported("seed", "it takes none"))
    engine.fal.arguments_script.says(Unsupported("seed", "nor does this one"))
    assert take(engine, "k").job_id == first.job_id
    with pytest.raises(Unprocessable, match="it takes none"):
        take(engine, "another")


def test_one_key_from_many_at_once_makes_one_job(engine: Engine) -> None:
    answers: list[Acceptance] = []
    start = threading.Barrier(6)

    def ask() -> None:
        start.wait()
        answers.append(take(engine, "k"))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 6
    assert len({answer.job_id for answer in answers}) == 1
    assert [answer.replayed for answer in answers].count(False) == 1
    assert engine.held_and_spent() == (30_000_000, 0)


def test_a_key_that_was_answered_while_this_request_was_planned_replays(engine: Engine) -> None:
    first: list[Acceptance] = []

    def answer_meanwhile(_: object) -> dict[str, Any]:
        if not first:
            first.append(Acceptance(engine.project_id, ""))
            first[0] = take(engine, "k")
        return {}

    engine.linkmodel.arguments_script.says(answer_meanwhile)
    second = take(engine, "k")
    assert (second.job_id, second.replayed) == (first[0].job_id, True)


@pytest.mark.parametrize("url", ["http://10.0.0.1/hook", "http://169.254.169.254/", "https://user:pw@host/"])
def test_a_callback_to_where_it_must_not_go_is_refused(engine: Engine, url: str) -> None:
    with pytest.raises(Unprocessable, match="callback_url: ") as refused:
        take(engine, callback_url=url)
    assert refused.value.details == {"field": "callback_url"}


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"model": "no-such"}, "unknown_model", "model"),
        ({"model": "fal:some/app"}, "invalid_input", "kind"),
        ({"kind": "video"}, "invalid_input", "kind"),
        ({"model": "nothing"}, "no_offer", "model"),
        ({"routing": {"max_cost_usd": "0.001"}}, "no_offer", "routing"),
        ({"routing": {"zero_retention": True}}, "no_offer", "routing"),
    ],
)
def test_a_request_that_nothing_can_run_is_refused(
    engine: Engine, fields: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(Unprocessable) as refused:
        take(engine, **fields)
    assert (refused.value.code, refused.value.details) == (code, {"field": field})
    assert engine.held_and_spent() == (0, 0)


def test_an_offer_that_cannot_honour_the_input_is_left_out_of_the_plan(engine: Engine) -> None:
    engine.linkmodel.arguments_script.says(Unsupported("seed", "it takes none"))
    job = engine.job(take(engine).job_id)
    assert [entry["provider"] for entry in job.plan] == ["fal"]


def test_an_input_that_no_offer_can_honour_is_named(engine: Engine) -> None:
    engine.linkmodel.arguments_script.says(Unsupported("seed", "it takes none"))
    engine.fal.arguments_script.says(Unsupported("seed", "nor does this one"))
    with pytest.raises(
        Unprocessable, match=r"linkmodel pair-a: seed: it takes none; fal test/pair/b: "
    ) as no:
        take(engine)
    assert no.value.details == {"field": "input.seed"}


def test_jobs_are_split_by_their_ids_and_stay_where_they_were_drawn(engine: Engine) -> None:
    split = {"split": {"linkmodel": 50, "fal": 50}}
    made = [engine.job(take(engine, routing=split).job_id) for _ in range(24)]
    assert {job.provider for job in made} == {"linkmodel", "fal"}
    for job in made:
        assert [entry["provider"] for entry in job.plan] in (["linkmodel", "fal"], ["fal", "linkmodel"])
        assert job.plan[0]["why"].startswith("50 % of jobs begin here by split: costs $0.0")
    alone = engine.job(take(engine, routing=split | {"fallback": False}).job_id)
    assert len(alone.plan) == 1
