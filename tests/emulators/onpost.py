"""What one paid POST meets at an emulated provider."""

import threading
from dataclasses import dataclass

from tests.emulators.wire import Reply


@dataclass(frozen=True, slots=True)
class OnPost:
    """Whether the provider took (and charges) it, and what the caller hears.

    ``reply`` None is the usual answer, or for one that is not taken a reset; the answer waits for ``hold``.
    """

    taken: bool
    reply: Reply | None = None
    hold: threading.Event | None = None
