"""The log of provider calls: what was asked when, and how often each request was looked at."""

from collections import deque
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

_KEPT: Final = 50_000


@dataclass(frozen=True, slots=True)
class Call:
    """One call; ``subject`` is the request or task that it is about, ``status`` None where it was dropped."""

    at: datetime
    method: str
    path: str
    provider: str
    subject: str | None
    status: int | None


class RequestLog:
    """The latest calls, without queries, bodies or keys."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=_KEPT)

    def add(self, call: Call) -> None:
        """Log a call."""
        self._calls.append(call)

    def report(self) -> dict[str, Any]:
        """The calls, and per request its looks (GETs below the API): how many, and seconds between them."""
        looks: dict[str, list[datetime]] = {}
        for call in self._calls:
            if call.subject and call.method == "GET":
                looks.setdefault(call.subject, []).append(call.at)
        return {
            "calls": [{**asdict(call), "at": call.at.isoformat()} for call in self._calls],
            "cadence": {subject: _cadence(times) for subject, times in looks.items()},
        }


def _cadence(times: list[datetime]) -> dict[str, Any]:
    gaps = [round((later - earlier).total_seconds(), 3) for earlier, later in pairwise(times)]
    return {"looks": len(times), "gaps": gaps}
