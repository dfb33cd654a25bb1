"""What is asked of Darkroom: jobs with their trouble, laid out by the seed alone."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Final

_MODELS: Final = {
    "fal": ("flux-schnell", "flux-schnell", "flux-dev", "flux-pro", "kling-v3", "luma-ray-2"),
    "linkmodel": ("seedream-4.0", "seedream-4.0", "gpt-image-2", "kling-v3", "hailuo-2.3"),
}
_PLAIN_SHARE: Final = 0.35
_CANCEL_SHARE: Final = 0.08
_CALLBACK_SHARE: Final = 0.5
_FALLBACK_SHARE: Final = 0.3

# What the wire does to a submit, a status, a result; how it goes on; how it ends; what webhooks and files do.
# With "1:" only the first submit of the job is struck, so that a second one could be seen.
_BOTH: Final = (
    "1:drop_before_accept",
    "1:drop_after_accept",
    "1:http_500",
    "1:http_502=accepted",
    "1:rate_limited=2",
    "1:html_200",
    "1:html_200=rejected",
    "1:truncated_json",
    "1:slow_body=2",
    "http_500@status=2",
    "html_200@status=2",
    "truncated_json@status",
    "drop_before_accept@status=2",
    "rate_limited@status",
    "slow=5",
    "moderation",
    "moderation=charged",
    "1:fail",
    "fail",
    "media_500_once",
    "media_slow=2",
)
_OF: Final = {
    "fal": (
        *_BOTH,
        "1:nginx_502",
        "1:platform_503",
        "1:http_500=accepted",
        # A 5xx at the result may be the verdict: not yet when it comes twice, and then the result.
        "http_502@result=2",
        "html_200@result=2",
        "truncated_json@result",
        "drop_before_accept@result",
        "rate_limited@result",
        "result_early_400",
        "cold=2",
        "queue=3",
        "regression",
        "1:stuck",
        "no_logs",
        "foreign_urls",
        "full_path_urls",
        "1:completed_error",
        "unvalidated_422",
        "nsfw",
        "no_units",
        "no_webhook",
        "webhook_duplicate",
        "webhook_late=4",
        "webhook_bad_signature",
        "webhook_stale",
        "webhook_payload_null",
        "cancel_ignored",
        "cancel_charged",
    ),
    "linkmodel": (
        *_BOTH,
        "1:inband_429",
        "1:auth_inband",
        "insufficient_funds",
        "moderation=create",
        "fail=charged",
        "pending=3",
        "price_zero",
        "missing_code",
        "requestId",
        "output_videos",
        "cancelled",
    ),
}
# These are about a cancel; and what is stuck at fal is given up by the customer's own limit.
_CANCELED: Final = frozenset({"cancel_ignored", "cancel_charged"})
_START_TIMEOUT: Final = {"1:stuck": 3}
# These mean something at one provider alone, and LinkModel has no limit to what is stuck.
_PINNED: Final = frozenset({*_CANCELED, *_START_TIMEOUT})


@dataclass(frozen=True, slots=True)
class Order:
    """One job to be asked for; ``tag`` is in its prompt, by which a request at a provider is known."""

    tag: str
    body: dict[str, Any]
    cancel_after: float | None = None

    @property
    def callback_url(self) -> str | None:
        """Where its end is to be told."""
        url: str | None = self.body.get("callback_url")
        return url


def orders(seed: int, count: int, callback: str) -> list[Order]:
    """``count`` jobs; every trouble comes before any comes a second time."""
    chance = random.Random(f"orders {seed}")
    troubles = {provider: _shuffled(chance, names) for provider, names in _OF.items()}
    return [_order(chance, f"chaos-{seed}-{number:04}", troubles, callback) for number in range(count)]


def tag_of(prompt: str) -> str:
    """The tag of the job whose prompt this is."""
    return prompt.partition(" ")[0]


def _shuffled(chance: random.Random, names: Sequence[str]) -> Iterator[str]:
    return cycle(chance.sample(names, len(names)))


def _order(chance: random.Random, tag: str, troubles: dict[str, Iterator[str]], callback: str) -> Order:
    provider = chance.choice(("fal", "linkmodel"))
    trouble = None if chance.random() < _PLAIN_SHARE else next(troubles[provider])
    body: dict[str, Any] = {"tags": {"chaos": tag}, "routing": {"provider": provider, "fallback": False}}
    body["model"] = chance.choice(_MODELS[provider])
    if chance.random() < _FALLBACK_SHARE and trouble not in _PINNED:
        body |= {"model": chance.choice(("duo", "kling-v3")), "routing": {"fallback": True}}
    body["input"] = {"prompt": f"{tag} a kite [sandbox:{trouble}]" if trouble else f"{tag} a kite"}
    if trouble in _START_TIMEOUT:
        body["routing"]["start_timeout"] = _START_TIMEOUT[trouble]
    if chance.random() < _CALLBACK_SHARE:
        body["callback_url"] = f"{callback}/{chance.choice(('take', 'take', 'fail-once'))}/{tag}"
    canceled = trouble in _CANCELED or chance.random() < _CANCEL_SHARE
    return Order(tag, body, chance.uniform(0, 4) if canceled else None)
