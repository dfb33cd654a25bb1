"""What the answers to submits say of the providers: up or in trouble, and how long to leave them alone."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.lanes import Lane, Learned
from domain.retry import GIVE_UP_SECONDS
from providers.base import Accepted, NotAccepted, OutcomeUnknown
from services import lanes
from services.intents import Begun
from services.runtime import Runtime

# How long a provider is left alone that is busy and does not say for how long.
_BUSY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What one POST brought: an acceptance, one of the provider's errors, or a fault of ours."""

    begun: Begun
    answer: Accepted | BaseException


def learn(runtime: Runtime, heard: Sequence[Heard]) -> None:
    """Pass on what a batch of answers says of its lanes."""
    if found := news(heard):
        lanes.learn(runtime, found)


def news(heard: Sequence[Heard]) -> list[Learned]:
    """What a batch of answers says of its lanes.

    Whether a provider is up is a matter of the provider as a whole; a wait that it asks for is one of the
    endpoint, unless it limits all of them together.
    """
    by_provider: dict[str, list[Heard]] = defaultdict(list)
    for one in heard:
        by_provider[one.begun.lane.provider].append(one)
    lives = [_life(provider, of_one) for provider, of_one in by_provider.items()]
    told = [one for one in lives if one.answered or one.troubles]
    return told + [wait for one in heard if (wait := _wait(one)) is not None]


def _life(provider: str, heard: Sequence[Heard]) -> Learned:
    troubles = sum(_is_trouble(one.answer) for one in heard)
    answered = any(_is_answer(one.answer) for one in heard)
    return Learned(Lane(provider, ""), answered=answered, troubles=troubles)


def _is_answer(answer: object) -> bool:
    return isinstance(answer, Accepted) or (isinstance(answer, NotAccepted) and not answer.down)


def _is_trouble(answer: object) -> bool:
    return isinstance(answer, OutcomeUnknown) or (isinstance(answer, NotAccepted) and answer.down)


def _wait(heard: Heard) -> Learned | None:
    answer, lane = heard.answer, heard.begun.lane
    if not isinstance(answer, NotAccepted):
        return None
    asked = answer.retry_after
    if asked is None and answer.failure.busy:
        asked = _BUSY_SECONDS
    if not asked:
        return None
    where = Lane(lane.provider, "") if answer.everywhere else lane
    return Learned(where, hold=min(asked, GIVE_UP_SECONDS), reason=answer.failure.message)
