"""What answers to submits say of a provider: whether it is up, and how long it wants to be left alone."""

from uuid import uuid4

import pytest

from domain.failures import ErrorCode, Failure
from domain.lanes import Lane, Learned
from domain.lifecycle import Kind
from domain.retry import GIVE_UP_SECONDS
from providers.base import Accepted, NotAccepted, OutcomeUnknown, Submission
from services.intents import Begun
from services.learning import Heard, news
from tests.support.scripted import ScriptedProvider

BUSY = Failure(ErrorCode.PROVIDER_REJECTED, "too many", "429", retryable=True, busy=True)
WRONG = Failure(ErrorCode.INVALID_INPUT, "no such size")
AWAY = Failure(ErrorCode.PROVIDER_FAILED, "not there", retryable=True)


def heard(answer: Accepted | BaseException, provider: str = "fal", endpoint: str = "a/b") -> Heard:
    submission = Submission("token", Kind.IMAGE, endpoint, {})
    lane = Lane(provider, endpoint)
    return Heard(Begun(uuid4(), uuid4(), lane, ScriptedProvider(provider), submission), answer)


@pytest.mark.parametrize(
    ("answer", "answered", "troubles"),
    [
        (Accepted("r"), True, 0),
        (NotAccepted(WRONG), True, 0),
        (NotAccepted(AWAY, down=True), False, 1),
        (OutcomeUnknown("no answer"), False, 1),
    ],
)
def test_an_answer_tells_whether_the_provider_as_a_whole_is_up(
    answer: Accepted | Exception,
    answered: bool,  # noqa: FBT001 - a case
    troubles: int,
) -> None:
    assert news([heard(answer)]) == [Learned(Lane("fal", ""), answered=answered, troubles=troubles)]


def test_a_fault_of_ours_says_nothing_of_the_provider() -> None:
    assert news([heard(RuntimeError("ours"))]) == []


def test_the_answers_of_a_batch_are_counted_by_provider() -> None:
    batch = [
        heard(Accepted("1")),
        heard(OutcomeUnknown("?"), endpoint="c/d"),
        heard(OutcomeUnknown("?"), "linkmodel", "m"),
        heard(NotAccepted(AWAY, down=True), "linkmodel", "m"),
    ]
    assert news(batch) == [
        Learned(Lane("fal", ""), answered=True, troubles=1),
        Learned(Lane("linkmodel", ""), troubles=2),
    ]


@pytest.mark.parametrize(
    ("asked", "everywhere", "endpoint", "hold"),
    [
        (7.5, False, "a/b", 7.5),
        (7.5, True, "", 7.5),
        (None, False, "a/b", 1.0),
        (10.0**9, False, "a/b", GIVE_UP_SECONDS),
    ],
)
def test_a_wait_holds_the_endpoint_or_all_of_them(
    asked: float | None,
    everywhere: bool,  # noqa: FBT001 - a case
    endpoint: str,
    hold: float,
) -> None:
    answer = NotAccepted(BUSY, retry_after=asked, everywhere=everywhere)
    assert news([heard(answer)])[1:] == [Learned(Lane("fal", endpoint), hold=hold, reason="too many")]


def test_a_wait_that_comes_with_another_refusal_is_heard_too() -> None:
    answer = NotAccepted(AWAY, retry_after=3.0, down=True)
    assert news([heard(answer)])[1:] == [Learned(Lane("fal", "a/b"), hold=3.0, reason="not there")]


@pytest.mark.parametrize("answer", [NotAccepted(WRONG), NotAccepted(BUSY, retry_after=0.0)])
def test_where_no_wait_is_asked_for_nothing_is_held(answer: NotAccepted) -> None:
    assert [one.hold for one in news([heard(answer)])] == [None]
