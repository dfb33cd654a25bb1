"""What both emulated providers share: settings, time, chance, planned scenarios, media, submit log."""

import hmac
import random
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sandbox.clock import Clock
from sandbox.config import Config
from sandbox.media.store import MediaStore
from sandbox.scenarios import Plan, Step, markers

_SECRET_HEADERS: Final = frozenset({"authorization", "cookie", "x-api-key", "x-fal-cdn-token"})


@dataclass(frozen=True, slots=True)
class Submit:
    """One accepted request as it came in, without the key."""

    at: datetime
    provider: str
    endpoint: str
    request_id: str
    arguments: dict[str, Any]
    headers: dict[str, str]
    query: dict[str, str]
    scenarios: list[str]

    def report(self) -> dict[str, Any]:
        """The submit in JSON's types, numbers as they were sent."""
        return {**asdict(self), "at": self.at.isoformat()}


class Core:
    """The shared half of a sandbox's memory."""

    def __init__(self, config: Config, clock: Clock, secret: bytes) -> None:
        self.config = config
        self.clock = clock
        self._secret = secret
        self.rng = random.Random(config.seed)  # noqa: S311 - repeatable ids, not secrets
        self.plan = Plan()
        self.media = MediaStore(self.rng)
        self.submits: list[Submit] = []
        self._asked: Counter[tuple[str, str]] = Counter()

    def new_id(self) -> str:
        """A UUID (version 4) from the seeded source."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def marked(self, prompt: object, provider: str) -> list[Step]:
        """What a submit's prompt asks for; each call is the next submit of this prompt at the provider."""
        self._asked[provider, str(prompt)] += 1
        return markers(prompt, provider, self._asked[provider, str(prompt)])

    def derive(self, purpose: str) -> bytes:
        """32 bytes of key material for one purpose; a reset does not change them."""
        return hmac.digest(self._secret, purpose.encode(), "sha256")

    def run_seconds(self, *, video: bool) -> float:
        """How long a generation takes, jitter included."""
        seconds = self.config.video_seconds if video else self.config.image_seconds
        return seconds * (1 + self.config.jitter * self.rng.uniform(-1, 1))


def telling_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that may be recorded: all but those that carry secrets."""
    return {name: value for name, value in headers.items() if name.lower() not in _SECRET_HEADERS}
