"""What holds of every provider: a new one adds one entry to HARNESSES."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.failures import ErrorCode
from domain.generation import GenerationInput
from domain.lifecycle import Kind
from domain.offers import Offer
from outbound.many import PooledWire
from providers.base import (
    Accepted,
    Ended,
    Finished,
    Generating,
    Handle,
    LookFailed,
    NotAccepted,
    Observation,
    OutcomeUnknown,
    Provider,
    Queued,
    Submission,
    Unsupported,
)
from providers.catalogue import Catalogue
from tests.providers.conftest import HARNESSES, KEY, PNG, REQUEST_ID, Answer, Harness, Script, says

PROMPT = "a red kite over dunes"


def submission(harness: Harness, provider: Provider) -> Submission:
    body = provider.arguments(harness.offer, GenerationInput(prompt=PROMPT))
    return Submission("attempt-token", harness.offer.kind, harness.offer.endpoint, body)


def submit(harness: Harness, script: Script) -> Accepted:
    provider = harness.make(script.url)
    return provider.submit(submission(harness, provider))


def accepted_handle(harness: Harness, script: Script) -> Handle:
    """The handle as it is stored after a real submit; the script is left empty."""
    script.says(harness.accepts(script.url))
    accepted = submit(harness, script)
    script.answers.clear()
    script.heard.clear()
    return Handle(
        accepted.request_id,
        harness.offer.kind,
        harness.offer.endpoint,
        datetime(2026, 11, 22, tzinfo=UTC),
        status_url=accepted.status_url,
        response_url=accepted.response_url,
        cancel_url=accepted.cancel_url,
        price_nano=accepted.price_nano,
    )


def look(harness: Harness, script: Script, handle: Handle) -> Observation:
    async def once() -> Observation:
        async with PooledWire() as wire:
            return await harness.make(script.url).look(handle, wire)

    return asyncio.run(once())


def looked(harness: Harness, script: Script, *answers: Answer) -> Observation:
    handle = accepted_handle(harness, script)
    script.says(*answers)
    return look(harness, script, handle)


def test_it_answers_to_the_name_that_offers_use(harness: Harness, script: Script) -> None:
    assert harness.make(script.url).name == harness.name == harness.offer.provider


def test_arguments_are_pure_json_and_extra_has_the_last_word(harness: Harness, script: Script) -> None:
    provider = harness.make(script.url)
    asked = GenerationInput(prompt=PROMPT, extra={"x_new": [1], "prompt": "another"})

    body = provider.arguments(harness.offer, asked)

    assert body == provider.arguments(harness.offer, asked)
    assert (body["prompt"], body["x_new"]) == ("another", [1])
    assert json.loads(json.dumps(body, allow_nan=False)) == body
    assert asked == GenerationInput(prompt=PROMPT, extra={"x_new": [1], "prompt": "another"})
    assert not script.heard


def test_what_an_offer_cannot_honour_is_refused_by_its_name(harness: Harness, script: Script) -> None:
    asked = GenerationInput.model_validate({"prompt": PROMPT, **harness.unsupported})

    with pytest.raises(Unsupported) as caught:
        harness.make(script.url).arguments(harness.offer, asked)

    assert caught.value.field in harness.unsupported
    assert caught.value.reason


def test_a_submit_is_one_post_with_the_key_and_the_arguments(harness: Harness, script: Script) -> None:
    script.says(harness.accepts(script.url))

    accepted = submit(harness, script)

    (heard,) = script.heard
    assert accepted.request_id == REQUEST_ID
    assert heard.method == "POST"
    assert heard.headers["authorization"] == harness.authorization
    assert json.loads(heard.body)["prompt"] == PROMPT


def test_one_instance_serves_several_threads(harness: Harness, script: Script) -> None:
    script.says(harness.accepts(script.url))
    provider = harness.make(script.url)
    outgoing = submission(harness, provider)

    with ThreadPoolExecutor(8) as pool:
        accepted = list(pool.map(lambda _: provider.submit(outgoing), range(24)))

    assert {one.request_id for one in accepted} == {REQUEST_ID}
    assert len(script.heard) == 24


AMBIGUOUS = {
    "dropped": Answer(drop=True),
    "empty 200": Answer(200),
    "html 200": Answer(200, b"<html>welcome</html>"),
    "cut-off json": Answer(200, b'{"request_id": "764c'),
    "json without an id": says({}),
    "request timeout": Answer(408, b"<html>nginx</html>"),
    "bare 500": Answer(500),
    "nginx 502": Answer(502, b"<html>nginx</html>"),
    "nginx 503": Answer(503, b"<html>nginx</html>"),
    "nginx 504": Answer(504, b"<html>nginx</html>"),
}


@pytest.mark.parametrize("answer", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_an_answer_that_proves_nothing_is_unknown_after_exactly_one_post(
    harness: Harness, script: Script, answer: Answer
) -> None:
    script.says(answer)

    with pytest.raises(OutcomeUnknown) as caught:
        submit(harness, script)

    assert [heard.method for heard in script.heard] == ["POST"]
    assert KEY not in str(caught.value)


def not_accepted(harness: Harness, script: Script, answer: Answer) -> NotAccepted:
    script.says(answer)
    with pytest.raises(NotAccepted) as caught:
        submit(harness, script)
    assert [heard.method for heard in script.heard] == ["POST"]
    assert KEY not in str(caught.value)
    return caught.value


def test_a_refused_key_is_final_here_and_may_work_elsewhere(harness: Harness, script: Script) -> None:
    failure = not_accepted(harness, script, harness.bad_key).failure

    assert failure.code is ErrorCode.PROVIDER_AUTH
    assert failure.elsewhere
    assert not failure.retryable


def test_a_refused_input_is_final(harness: Harness, script: Script) -> None:
    assert not not_accepted(harness, script, harness.refused).failure.retryable


def test_throttling_is_tried_again_after_the_wait_that_was_asked_for(
    harness: Harness, script: Script
) -> None:
    answer = says({"code": 429, "detail": "slow down"}, 429, **{"Retry-After": "12"})

    refused = not_accepted(harness, script, answer)

    assert refused.failure.retryable
    assert refused.retry_after == 12


def test_a_redirect_of_the_post_is_not_followed(harness: Harness, script: Script) -> None:
    answer = Answer(307, headers={"Location": f"{script.url}/elsewhere"})

    assert not not_accepted(harness, script, answer).failure.retryable


def test_a_provider_that_cannot_be_reached_has_not_accepted(harness: Harness, script: Script) -> None:
    provider = harness.make("http://127.0.0.1:1")

    with pytest.raises(NotAccepted) as caught:
        provider.submit(submission(harness, provider))

    assert caught.value.failure.retryable
    assert not script.heard


def test_a_waiting_request_is_queued(harness: Harness, script: Script) -> None:
    assert isinstance(looked(harness, script, *harness.queued), Queued)
    assert script.heard[0].headers["authorization"] == harness.authorization


def test_a_running_request_is_generating(harness: Harness, script: Script) -> None:
    assert looked(harness, script, *harness.generating) == Generating()


def test_a_finished_request_brings_its_files_and_never_a_made_up_zero(
    harness: Harness, script: Script
) -> None:
    result = looked(harness, script, *harness.finished)

    assert isinstance(result, Finished)
    assert [output.url for output in result.outputs] == [PNG]
    assert result.cost.nano != 0
    assert {heard.method for heard in script.heard} == {"GET"}


def test_a_blocked_request_has_ended_for_good(harness: Harness, script: Script) -> None:
    result = looked(harness, script, *harness.failed)

    assert isinstance(result, Ended)
    assert result.failure.code is ErrorCode.CONTENT_POLICY
    assert not result.failure.retryable
    assert not result.canceled


def test_a_look_needs_no_more_than_what_is_stored(harness: Harness, script: Script) -> None:
    handle = accepted_handle(harness, script)
    script.says(*harness.finished)

    bare = replace(handle, status_url=None, response_url=None, cancel_url=None)
    result = look(harness, script, bare)

    assert isinstance(result, Finished)
    assert [output.url for output in result.outputs] == [PNG]


NO_VERDICT = {
    "dropped": Answer(drop=True),
    "empty 200": Answer(200),
    "html 200": Answer(200, b"<html>"),
    "a list": says([]),
    "redirect": Answer(302, headers={"Location": "http://127.0.0.1:1/"}),
    "nginx 502": Answer(502, b"<html>nginx</html>"),
    "nginx 503": Answer(503, b"<html>nginx</html>", {"Retry-After": "3"}),
    "bare 500": Answer(500),
    "throttled": Answer(429),
    "bad key": says({"code": 401, "detail": "no"}, 401),
}


@pytest.mark.parametrize("answer", NO_VERDICT.values(), ids=NO_VERDICT.keys())
def test_trouble_while_looking_is_never_a_verdict(harness: Harness, script: Script, answer: Answer) -> None:
    with pytest.raises(LookFailed) as caught:
        looked(harness, script, answer)

    assert KEY not in str(caught.value)
    assert not caught.value.missing


def test_a_status_from_nowhere_is_not_a_verdict(harness: Harness, script: Script) -> None:
    with pytest.raises(LookFailed):
        looked(harness, script, harness.strange_status)


def test_a_request_that_the_provider_does_not_know_is_missing_not_ended(
    harness: Harness, script: Script
) -> None:
    with pytest.raises(LookFailed) as caught:
        looked(harness, script, harness.missing)

    assert caught.value.missing


def test_an_unreachable_provider_is_no_verdict(harness: Harness, script: Script) -> None:
    handle = replace(accepted_handle(harness, script), status_url=None, response_url=None)

    async def once() -> Observation:
        async with PooledWire() as wire:
            return await harness.make("http://127.0.0.1:1").look(handle, wire)

    with pytest.raises(LookFailed):
        asyncio.run(once())


def test_each_answer_to_a_cancel_says_what_came_of_it(harness: Harness, script: Script) -> None:
    handle = accepted_handle(harness, script)
    for effect, answer in harness.cancel.items():
        script.answers.clear()
        script.says(answer)
        assert harness.make(script.url).cancel(handle).effect == effect


OFFLINE = {name: harness.make("http://127.0.0.1:1") for name, harness in HARNESSES.items()}


SHIPPED = Catalogue.load()


@pytest.mark.parametrize("name", HARNESSES)
@given(data=st.data(), length=st.integers(1, 12_000))
def test_of_a_prompt_only_the_length_decides_and_what_is_shorter_is_taken_as_well(
    name: str, data: st.DataObject, length: int
) -> None:
    offers = [offer for model in SHIPPED.models() for offer in model.offers if offer.provider == name]
    offer = data.draw(st.sampled_from(offers))
    other = data.draw(
        st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=length)
    )
    if _takes(name, offer, "x" * length):
        assert _takes(name, offer, other)


def _takes(name: str, offer: Offer, prompt: str) -> bool:
    try:
        OFFLINE[name].arguments(offer, GenerationInput(prompt=prompt))
    except Unsupported:
        return False
    return True


@pytest.mark.parametrize("name", HARNESSES)
@given(kind=st.sampled_from(Kind), age=st.floats(min_value=0, max_value=1e7))
def test_the_next_look_lies_ahead_or_the_schedule_has_ended(name: str, kind: Kind, age: float) -> None:
    wait = OFFLINE[name].next_look(kind, age)

    assert wait is None or 0 < wait <= 900
