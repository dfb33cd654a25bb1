"""Scripted trouble: what a scenario is, how a prompt asks for one, and the plan that control calls fill."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

FAL: Final = "fal"
LINKMODEL: Final = "linkmodel"
SUBMIT: Final = "submit"
STATUS: Final = "status"
RESULT: Final = "result"
CANCEL: Final = "cancel"
BILLING: Final = "billing"
STAGES: Final = (SUBMIT, STATUS, RESULT, CANCEL, BILLING)

_BOTH: Final = (
    "success moderation fail slow stuck http_500 http_502 http_503 rate_limited drop_after_accept"
    " drop_before_accept html_200 truncated_json slow_body media_html media_truncated media_wrong_type"
    " media_redirect media_404 media_500_once media_size media_slow"
)
_FAL_ONLY: Final = (
    "cold queue regression no_logs completed_error start_timeout unvalidated_422 nsfw nsfw_some no_units"
    " no_webhook webhook_bad_signature webhook_duplicate webhook_late webhook_payload_null webhook_stale"
    " nginx_502 platform_503 locked not_found result_early_400 result_expired foreign_urls full_path_urls"
    " cancel_ignored cancel_charged units billing_unpriced"
    " billing_late billing_never billing_discount billing_split billing_corrected"
)
_LINKMODEL_ONLY: Final = (
    "insufficient_funds auth_inband price_zero pending cancelled unknown_status missing_code requestId"
    " inband_429 empty_outputs output_videos"
)
NAMES: Final = {
    FAL: frozenset((_BOTH + " " + _FAL_ONLY).split()),
    LINKMODEL: frozenset((_BOTH + " " + _LINKMODEL_ONLY).split()),
}

_STEP: Final = re.compile(r"(?P<name>\w+)(?:@(?P<stage>\w+))?(?:=(?P<value>.*))?", re.DOTALL)
_MARKER: Final = re.compile(r"\[sandbox:(?:(?P<number>\d+):)?(?P<text>[^\]]*)\]")


class ScenarioError(ValueError):
    """A scenario that the sandbox does not know."""


@dataclass(frozen=True, slots=True)
class Step:
    """One scenario: its name, its value if it takes one, and the call at which it strikes."""

    name: str
    value: str | None = None
    stage: str = SUBMIT

    def number(self, default: float) -> float:
        """The value as a number that is not negative, ``default`` where there is none."""
        try:
            return max(float(self.value), 0.0) if self.value else default
        except ValueError:
            return default


class Script:
    """Everything that was asked of one request; faults at later calls are used up as they strike."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self.steps = tuple(steps)
        self._by_name = {step.name: step for step in self.steps if step.stage == SUBMIT}
        self._left = [(step, int(step.number(1))) for step in self.steps if step.stage != SUBMIT]

    def get(self, name: str) -> Step | None:
        """The step of this name, if it was asked for."""
        return self._by_name.get(name)

    def has(self, name: str, value: str | None = None) -> bool:
        """Whether the step was asked for, with this very value where one is given."""
        step = self.get(name)
        return step is not None and (value is None or step.value == value)

    def seconds(self, name: str, default: float) -> float:
        """The number given with a step: ``default`` where the step has none, 0 where there is no step."""
        step = self.get(name)
        return step.number(default) if step else 0.0

    def take(self, stage: str) -> Step | None:
        """The fault that strikes at this call, once fewer from now on."""
        for index, (step, left) in enumerate(self._left):
            if step.stage == stage and left > 0:
                self._left[index] = (step, left - 1)
                return replace(step, value=None)
        return None

    def media(self) -> dict[str, str | None]:
        """The faults of the media that the request makes, by name."""
        return {step.name: step.value for step in self.steps if step.name.startswith("media_")}


def parse(text: str, provider: str) -> Step:
    """Read ``name``, ``name=value`` or ``name@stage=value``.

    Raises:
        ScenarioError: no such scenario at this provider, or no such stage.
    """
    match = _STEP.fullmatch(text.strip())
    if match is None or match["name"] not in NAMES[provider]:
        known = ", ".join(sorted(NAMES[provider]))
        raise ScenarioError(f"{provider} has no scenario {text!r}; it has: {known}")
    stage = match["stage"] or SUBMIT
    if stage not in STAGES:
        raise ScenarioError(f"{stage!r} is not a stage; the stages are: {', '.join(STAGES)}")
    return Step(match["name"], match["value"], stage)


def markers(prompt: object, provider: str, number: int = 1) -> list[Step]:
    """The steps that ``[sandbox:...]`` marks in a prompt ask for; what is not a scenario is only text.

    ``[sandbox:2:...]`` asks for it in the second submit of this prompt alone; ``number`` says which this is.
    """
    found = []
    for marker in _MARKER.finditer(prompt) if isinstance(prompt, str) else ():
        if marker["number"] is not None and int(marker["number"]) != number:
            continue
        try:
            found.append(parse(marker["text"], provider))
        except ScenarioError:
            continue
    return found


@dataclass(slots=True)
class Planned:
    """Steps that wait for the next ``left`` calls of a provider, or of one of its endpoints."""

    provider: str
    endpoint: str | None
    steps: tuple[Step, ...]
    stage: str
    left: int


class Plan:
    """The outcomes that the control API queued, the first in being the first out."""

    def __init__(self) -> None:
        self.waiting: list[Planned] = []

    def add(self, planned: Planned) -> None:
        """Queue an outcome behind those that wait."""
        self.waiting.append(planned)

    def take(self, provider: str, endpoint: str, stage: str) -> tuple[Step, ...]:
        """What this call is to go through; nothing if nothing was queued for it."""
        for planned in self.waiting:
            if (planned.provider, planned.stage) == (provider, stage) and planned.endpoint in {
                None,
                endpoint,
            }:
                planned.left -= 1
                if planned.left <= 0:
                    self.waiting.remove(planned)
                return planned.steps
        return ()
