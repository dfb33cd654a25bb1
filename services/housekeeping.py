"""What grows old is dropped: answers kept for repeats, events with deliveries, evidence, unused hosts."""

from datetime import timedelta
from typing import Final

from services.prices import learning
from services.runtime import Runtime
from storage import calling, feed, idempotency

# Twice what is promised, so that no retry of a day-old request comes too late.
KEEP_ANSWERS: Final = timedelta(hours=48)
# Thirty days are promised, and nobody is to be cut off in the middle of catching up.
KEEP_EVENTS: Final = timedelta(days=35)


def tidy(runtime: Runtime) -> None:
    """Drop what nobody can ask for any more."""
    learning.tidy(runtime)
    with runtime.database.work() as session:
        idempotency.forget_before(session, runtime.clock() - KEEP_ANSWERS)
    with runtime.database.work() as session:
        feed.forget_before(session, runtime.clock() - KEEP_EVENTS)
    with runtime.database.work() as session:
        calling.forget_before(session, runtime.clock() - KEEP_EVENTS)
        calling.free(session)
