"""The circuit of a provider: closed while it answers, opened by a row of troubles, and then probed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

OPENS_AT: Final = 5
_FIRST_SECONDS: Final = 5.0
_LONGEST_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Circuit:
    """``troubles`` in a row, with no answer between them; nothing is sent until ``open_until``."""

    troubles: int = 0
    open_until: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether nothing is to be sent."""
        return self.open_until is not None and now < self.open_until

    def is_probed(self, now: datetime) -> bool:
        """Whether one request is to be sent alone, to see whether the provider is back."""
        return self.troubles >= OPENS_AT and not self.is_open(now)

    def after(self, *, answered: bool, troubles: int, now: datetime) -> "Circuit":
        """The circuit after some answers and troubles; one answer is proof of life.

        Troubles that come while it is open are of what was sent before, and count no more. Each probe that
        fails doubles the time until the next.
        """
        if answered:
            return Circuit()
        if not troubles or self.is_open(now):
            return self
        probed = self.troubles >= OPENS_AT
        count = self.troubles + 1 if probed else min(self.troubles + troubles, OPENS_AT)
        if count < OPENS_AT:
            return Circuit(count)
        pause = min(_FIRST_SECONDS * 2.0 ** min(count - OPENS_AT, 10), _LONGEST_SECONDS)
        return Circuit(count, now + timedelta(seconds=pause))
