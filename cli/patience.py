"""Asking on while nobody answers: a restart of the API says nothing of the work that goes on."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from cli.errors import NotAllowed, Unreachable

AWAY_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 1.0

Answer = TypeVar("Answer")


def patiently(ask: Callable[[], Answer], *, away_seconds: float, otherwise: str) -> Answer:
    """What ``ask`` brings; it is asked again for ``away_seconds`` while Darkroom does not answer.

    Raises:
        Unreachable: it was away for longer; ``otherwise`` says how to ask later.
    """
    deadline = time.monotonic() + away_seconds
    while True:
        try:
            return ask()
        except NotAllowed:
            raise
        except Unreachable as error:
            if time.monotonic() >= deadline:
                raise Unreachable(f"{error}; {otherwise}") from error
            time.sleep(_PAUSE_SECONDS)
