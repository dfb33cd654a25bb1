"""A corner of a provider's wire as a case: what the emulator does, and how the job must end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.world import Emulators
from tests.emulators import fal_script, linkmodel_script
from tests.emulators.fal_script import Answer
from tests.emulators.onpost import OnPost

FLUX = "fal:fal-ai/flux/dev"
KLING = "fal:fal-ai/kling-video/v3/standard/text-to-video"
SUCCEEDED = frozenset({"succeeded"})
FAILED = frozenset({"failed"})
REVIEW = frozenset({"review"})

Plans = Callable[[Emulators], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Case:
    """``name`` is also the prompt. ``codes`` are the error codes that would be right (empty: no error).

    ``posts`` is how many submits may go out (None: not said here). ``billed`` says that the provider names
    its price, so that the job's cost must equal the emulator's charge.
    """

    name: str
    model: str
    plans: Plans
    status: frozenset[str] = SUCCEEDED
    codes: frozenset[str] = frozenset()
    posts: int | None = 1
    billed: bool = True
    assets: int = 1
    faults: tuple[OnPost, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def provider(self) -> str:
        """Whom it runs at."""
        return self.model.partition(":")[0]

    @property
    def request(self) -> dict[str, Any]:
        """What is submitted: pinned to its provider, with nothing to fall back to."""
        video = any(word in self.model for word in ("kling", "Hailuo", "sora", "wan"))
        return {
            "model": self.model,
            "kind": "video" if video else "image",
            "routing": {"provider": self.provider, "fallback": False},
            **self.more,
            "input": {"prompt": self.name, **self.more.get("input", {})},
        }


def polls(*steps: Answer, **plan: Any) -> Plans:  # noqa: ANN401 - any field of a plan
    """A fal request whose polls go so, and that then has an image."""
    chosen: dict[str, Any] = {"steps": steps} if steps else {}
    return lambda around: (fal_script.Plan((around.fal.plain_output(),), **chosen, **plan),)


def results(*answers: Answer, **plan: Any) -> Plans:  # noqa: ANN401 - any field of a plan
    """A fal request that is done at once and whose result goes so."""
    return lambda _: (fal_script.Plan(answers, steps=(), **plan),)


def then_sound(*answers: Answer) -> Plans:
    """A fal request whose result answers so at first, and then with an image."""
    return lambda around: (fal_script.Plan((*answers, around.fal.plain_output()), steps=()),)


def queries(*answers: linkmodel_script.Answer, **plan: Any) -> Plans:  # noqa: ANN401 - any field of a plan
    """A LinkModel task whose queries go so, and that then has an image."""

    def make(around: Emulators) -> tuple[Any, ...]:
        done = linkmodel_script.stands("Success", output_images=[around.cdn.image()])
        return (linkmodel_script.Plan((*answers, done), **plan),)

    return make


def ends(*answers: linkmodel_script.Answer, **plan: Any) -> Plans:  # noqa: ANN401 - any field of a plan
    """A LinkModel task whose queries go just so."""
    return lambda _: (linkmodel_script.Plan(answers, **plan),)


def unplanned(_: Emulators) -> tuple[Any, ...]:
    """Whatever the emulator does by itself."""
    return ()


def failed(*codes: str) -> dict[str, Any]:
    """Ends as failed, with one of these codes."""
    return {"status": FAILED, "codes": frozenset(codes), "assets": 0}


def reviewed() -> dict[str, Any]:
    """Waits for a person: nobody can know what became of the submit."""
    return {"status": REVIEW, "codes": frozenset({"outcome_unknown"}), "assets": 0, "billed": False}
