"""What both emulated providers share: settings, time, chance, planned scenarios, media, submit log."""

import hmac
import random
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sandbox.archive import Archive
from sandbox.clock import Clock
from sandbox.config import Config
from sandbox.media.store import MediaStore
from sandbox.scenarios import Plan, Step, markers

_SUBMIT: Final = "submit"
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

    @classmethod
    def read(cls, report: dict[str, Any]) -> "Submit":
        """The submit of a report."""
        return cls(**{**report, "at": datetime.fromisoformat(report["at"])})


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells one sandbox from another: the secret that it signs with, and the seed of its ids."""

    secret: bytes
    seed: int | str | None


class Core:
    """The shared half of a sandbox's memory; what is in ``archive`` is remembered from an earlier process."""

    def __init__(self, config: Config, clock: Clock, identity: Identity, archive: Archive) -> None:
        self.config = config
        self.clock = clock
        self.archive = archive
        self._secret = identity.secret
        self._rng = random.Random(identity.seed)  # noqa: S311 - repeatable ids, not secrets
        self.plan = Plan()
        self.media = MediaStore()
        self.submits = [Submit.read(report) for report in archive.rows(_SUBMIT)]
        self._asked: Counter[tuple[str, str]] = Counter()

    def new_id(self) -> str:
        """A UUID (version 4) from the seeded source."""
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))

    def remember(self, submit: Submit) -> None:
        """Add an accepted submit to those that the control API lists."""
        self.submits.append(submit)
        self.archive.put(_SUBMIT, submit.request_id, submit.report, submit.at)

    def marked(self, prompt: object, provider: str) -> list[Step]:
        """What a submit's prompt asks for; each call is the next submit of this prompt at the provider."""
        self._asked[provider, str(prompt)] += 1
        return markers(prompt, provider, self._asked[provider, str(prompt)])

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one purpose, the same ones after a reset, and after a restart on the same folder."""
        return hmac.digest(self._secret, purpose.encode(), "sha256")

    def links_base(self, earlier: str) -> str:
        """The base of links to what an earlier process took: where they lead now, if that is said."""
        return (self.config.public_url or earlier).rstrip("/")

    def file_key(self, request_id: str, name: str) -> str:
        """What a link to a file of a request has in it: hard to guess, and the same each time."""
        return self.derive(f"file {name} of {request_id}").hex()[:24]

    def run_seconds(self, *, video: bool) -> float:
        """How long a generation takes, jitter included."""
        seconds = self.config.video_seconds if video else self.config.image_seconds
        return seconds * (1 + self.config.jitter * self._rng.uniform(-1, 1))


def telling_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that may be recorded: all but those that carry secrets."""
    return {name: value for name, value in headers.items() if name.lower() not in _SECRET_HEADERS}
