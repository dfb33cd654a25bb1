"""The demo's script: which jobs are sent, and how each has to end."""

from dataclasses import dataclass, field
from typing import Any, Final

from domain.failures import ErrorCode
from domain.lifecycle import JobStatus


@dataclass(frozen=True, slots=True)
class Scene:
    """One job of the demo; ``refused`` when the provider's filter has to refuse it.

    Words in square brackets in the prompt are stage directions, which the sandbox follows.
    """

    name: str
    model: str
    provider: str
    prompt: str
    inputs: dict[str, Any] = field(default_factory=dict)
    cold: bool = False
    refused: bool = False

    def request(self, callback_url: str, run: str) -> dict[str, Any]:
        """The body of ``POST /v1/jobs``."""
        return {
            "model": self.model,
            "input": {"prompt": self.prompt, **self.inputs},
            # Pinned, so that both providers are shown; a demo has no use for a fallback.
            "routing": {"provider": self.provider, "fallback": False},
            "callback_url": callback_url,
            "tags": {"demo": run, "scene": self.name},
        }

    def deviation(self, job: dict[str, Any]) -> str | None:
        """How ``job`` ended otherwise than it should; None when it did not."""
        wanted = (JobStatus.FAILED, ErrorCode.CONTENT_POLICY) if self.refused else (JobStatus.SUCCEEDED, None)
        found = (job["status"], (job["error"] or {}).get("code"))
        return None if found == wanted else f"{self.name} is {_words(*found)}, not {_words(*wanted)}"


def _words(status: str, code: str | None) -> str:
    return status if code is None else f"{status} ({code})"


SCENES: Final = (
    Scene("red-kite", "flux-dev", "fal", "a red kite over dunes at dawn [sandbox:cold=2]", cold=True),
    Scene("harbour", "seedream-4.0", "linkmodel", "a fishing harbour in the rain, oil on canvas"),
    Scene("teapot", "gpt-image-2", "linkmodel", "a blue teapot on a windowsill, product photograph"),
    Scene(
        "refused",
        "flux-schnell",
        "fal",
        "something that no filter lets pass [sandbox:moderation]",
        refused=True,
    ),
    Scene("tram", "kling-v3", "linkmodel", "a yellow tram climbs a steep street", {"duration": 5}),
    Scene("waves", "kling-v3", "fal", "waves break on black sand, seen from above", {"duration": 5}),
)
