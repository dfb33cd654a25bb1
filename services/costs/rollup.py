"""Keeping the sums of costs: a few times a minute, by one watcher at a time, beside what must not wait."""

from typing import Final

from services.runtime import Runtime
from storage.costs import rollup

# A slice is a fraction of a second; a Darkroom with a past is summed over some minutes, and asked meanwhile.
EVENTS: Final = 10_000
SLICES: Final = 25


def sweep(runtime: Runtime, *, events: int = EVENTS, slices: int = SLICES) -> None:
    """Sum the jobs that have ended, or changed since, in up to so many slices of so many events."""
    with runtime.database.work() as session:
        rollup.look(session)
    for _ in range(slices):
        with runtime.database.work() as session:
            if not rollup.step(session, most=events):
                return
