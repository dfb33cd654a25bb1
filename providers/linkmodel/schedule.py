"""When to look at a LinkModel task: the two published schedules (LinkModel contract, polling schedules)."""

from collections.abc import Mapping
from typing import Final

from domain.lifecycle import Kind

# Here LinkModel advises to stop asking; all in seconds.
ENDS: Final = 900

# Kind -> (first look, ((until this age, look every), ...)).
_TABLE: Final[Mapping[Kind, tuple[int, tuple[tuple[int, int], ...]]]] = {
    Kind.IMAGE: (10, ((60, 3), (180, 6), (ENDS, 10))),
    Kind.VIDEO: (30, ((120, 5), (240, 3), (480, 8), (ENDS, 15))),
}


def next_look(kind: Kind, age: float) -> float | None:
    """Seconds until the next look at a task of ``age`` seconds; None when that would be past the end."""
    first, steps = _TABLE[kind]
    if age < first:
        return first - age
    wait = next((every for until, every in steps if age < until), ENDS)
    return float(wait) if age + wait < ENDS else None
